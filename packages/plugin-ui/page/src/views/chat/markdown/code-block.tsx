// A block of code, with its language, a button that copies it, and colours when it is complete.
import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { CopyButton } from '../../../components/basics.js';
import { partsOf } from './plain-text.js';

/** A block of code. */
export function CodeBlock({
  code,
  language,
  isClosed,
}: {
  readonly code: string;
  /** As the answer names it; empty for none. */
  readonly language: string;
  /** Whether the whole code is there. */
  readonly isClosed: boolean;
}): JSX.Element {
  const highlighted = useSignal<{ readonly code: string; readonly content: ComponentChildren } | undefined>(undefined);
  useEffect(() => {
    if (!isClosed || language === '') return undefined;
    let isCurrent = true;
    import('./highlight.js').then(
      ({ highlight }) => {
        if (isCurrent) highlighted.value = { code, content: highlight(code, language) };
      },
      () => undefined, // Without colours, it can be read too.
    );
    return () => {
      isCurrent = false;
    };
  }, [code, language, isClosed]);
  const content = highlighted.value?.code === code ? highlighted.value.content : undefined;
  return (
    <div class="code-block">
      <div class="code-head">
        <span>{language}</span>
        <CopyButton text={() => code} label="Copy code" iconOnly />
      </div>
      <pre tabIndex={0} role="group" aria-label={language === '' ? 'Code' : `Code in ${language}`}>
        <code>{content ?? partsOf(code).map((part, index) => <Part key={index} text={part} />)}</code>
      </pre>
    </div>
  );
}

function Part({ text }: { readonly text: string }): JSX.Element {
  return <span class="part">{text}</span>;
}
