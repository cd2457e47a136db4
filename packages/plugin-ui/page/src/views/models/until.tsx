// When a model stops by itself, or may be started again. It counts down.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { PsModel } from '@lamina/core/protocol';
import { untilText } from './sentences.js';

export function Until({ run }: { readonly run: PsModel }): JSX.Element | undefined {
  const now = useSignal(Date.now());
  useEffect(() => {
    now.value = Date.now();
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, [run.idle_at, run.retry_at]);
  const text = untilText(run, now.value);
  return text === undefined ? undefined : <li>{text}</li>;
}
