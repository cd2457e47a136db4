// The prompt and the answer of a request, as the server keeps them while capture is on.
import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Button, Note, Problem } from '../../components/basics.js';
import { counted } from '../../format.js';
import type { Session } from '../../server/session.js';
import { readTexts, type CapturedText, type CapturedTexts } from './capture.js';

export function RequestTexts({
  session,
  request,
  isRunning,
}: {
  readonly session: Session;
  readonly request: string;
  readonly isRunning: boolean;
}): JSX.Element | undefined {
  const texts = useSignal<CapturedTexts | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const reading = useSignal(0);
  useEffect(() => {
    const closing = new AbortController();
    readTexts(session.api, request, closing.signal).then(
      (read) => (texts.value = read),
      (error: Error) => {
        if (!closing.signal.aborted) problem.value = error.message;
      },
    );
    return () => closing.abort();
  }, [session, request, isRunning, reading.value]);
  if (problem.value !== undefined) return <Problem text={problem.value} />;
  if (texts.value === undefined) return undefined;
  const { prompt, omitted_messages: omitted, reasoning, answer, tool_calls: calls } = texts.value;
  const isEmpty = [reasoning, answer, calls].every(({ text }) => text === '');
  return (
    <div class="request-texts">
      <Texts title="Prompt">
        {omitted === 0 ? undefined : <Note>{`${counted(omitted, 'message')} before these are not kept.`}</Note>}
        {prompt.map(({ role, ...text }, index) => (
          <Text key={index} label={role} text={text} />
        ))}
      </Texts>
      <Texts title="Answer">
        <Text label="reasoning" text={reasoning} />
        <Text label={reasoning.text === '' && calls.text === '' ? undefined : 'answer'} text={answer} />
        <Text label="tool calls" text={calls} />
        {isEmpty ? <Note>{isRunning ? 'Nothing yet.' : 'There was no text.'}</Note> : undefined}
        {isRunning ? <Button label="Read again" icon="retry" onClick={() => (reading.value += 1)} /> : undefined}
      </Texts>
    </div>
  );
}

function Texts({ title, children }: { readonly title: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <section>
      <h2>{title}</h2>
      <div class="texts" role="region" aria-label={`Text of the ${title.toLowerCase()}`} tabIndex={0}>
        {children}
      </div>
    </section>
  );
}

function Text({
  label,
  text: { text, cut },
}: {
  readonly label: string | undefined;
  readonly text: CapturedText;
}): JSX.Element | undefined {
  if (text === '' && !cut) return undefined;
  return (
    <div class="text">
      {label === undefined ? undefined : <span class="muted">{label}</span>}
      <pre>{text}</pre>
      {cut ? <Note>The rest is not kept: it is longer than 64 kB.</Note> : undefined}
    </div>
  );
}
