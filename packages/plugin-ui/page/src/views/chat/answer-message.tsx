// An answer: its reasoning, text and tool calls, how it goes, and how it ended.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { ToolCall } from '@lamina/client';
import { Button, CopyButton, Problem, Progress } from '../../components/basics.js';
import { pure } from '../../components/pure.js';
import { formatDuration } from '../../format.js';
import type { Session } from '../../server/session.js';
import type { Progress as AnswerProgress } from './answer-draft.js';
import type { Answer } from './conversation.js';
import { CodeBlock } from './markdown/code-block.js';
import { Markdown } from './markdown/markdown.js';
import { PlainText } from './markdown/plain-text.js';
import { progressText } from './progress.js';
import type { RunningAnswer } from './running-answer.js';
import { liveStatsOf, statsOf } from './speeds.js';

interface AnswerMessageProps {
  readonly index: number;
  readonly answer: Answer;
  /** While it is received; `answer` is then what there was at first. */
  readonly running: RunningAnswer | undefined;
  /** Another tab receives it. */
  readonly isElsewhere: boolean;
  readonly session: Session;
  /** Undefined when it cannot be asked for again now. */
  readonly onRetry: (() => void) | undefined;
}

export const AnswerMessage = pure(
  ({ index, running, isElsewhere, session, onRetry, ...props }: AnswerMessageProps): JSX.Element => {
    const { answer, progress } = running?.shown.value ?? { answer: props.answer, progress: undefined };
    const isRunning = running !== undefined || isElsewhere;
    return (
      <article class="message answer">
        <h2>{answer.model}</h2>
        {answer.reasoning === '' ? undefined : <Reasoning answer={answer} isRunning={isRunning} />}
        {answer.text === '' ? undefined : <Markdown text={answer.text} isComplete={!isRunning} />}
        {answer.toolCalls.map((call, number) => (
          <ToolCallView key={number} call={call} />
        ))}
        {progress === undefined ? undefined : <Waiting progress={progress} model={answer.model} session={session} />}
        {isRunning ? <Stats stats={liveStatsOf(answer, Date.now())} /> : <Ending answer={answer} />}
        {isRunning ? undefined : (
          <div class="message-actions">
            {answer.text === '' ? undefined : (
              <CopyButton text={() => answer.text} label={`Copy message ${index + 1}`} iconOnly />
            )}
            {onRetry === undefined ? undefined : <Button label="Retry" icon="retry" kind="plain" onClick={onRetry} />}
          </div>
        )}
      </article>
    );
  },
);

/** Folded, and only rendered when it is open. */
function Reasoning({ answer, isRunning }: { readonly answer: Answer; readonly isRunning: boolean }): JSX.Element {
  const isOpen = useSignal(false);
  const { firstAt, textAt, endedAt, reasoning } = answer;
  const end = textAt ?? endedAt ?? Date.now();
  const duration = formatDuration(1000 * Math.round((end - (firstAt ?? end)) / 1000));
  const isThinking = isRunning && textAt === undefined;
  return (
    <details class="reasoning" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>{`${isThinking ? 'Thinking for' : 'Thought for'} ${duration.startsWith('0') ? 'less than 1 s' : duration}`}</summary>
      {isOpen.value ? <PlainText text={reasoning} /> : undefined}
    </details>
  );
}

function ToolCallView({ call }: { readonly call: ToolCall }): JSX.Element {
  return (
    <details class="tool-call" open>
      <summary>{`Tool call: ${call.function.name}`}</summary>
      <CodeBlock code={indented(call.function.arguments)} language="json" isClosed={isJson(call.function.arguments)} />
    </details>
  );
}

function Waiting({
  progress,
  model,
  session,
}: {
  readonly progress: AnswerProgress;
  readonly model: string;
  readonly session: Session;
}): JSX.Element {
  const isReady = session.models.value.value?.models[model]?.state === 'ready';
  const { text, ratio } = progressText(progress, model, isReady);
  return (
    <div class="waiting">
      <p>{text}</p>
      <Progress label={text} ratio={ratio} />
    </div>
  );
}

function Ending({ answer }: { readonly answer: Answer }): JSX.Element {
  const { state, problem, finishReason } = answer;
  const note =
    state === 'stopped' ? 'Stopped' : finishReason === 'length' ? 'Cut off: the token limit is reached' : undefined;
  const stats = statsOf(answer);
  return (
    <>
      {problem === undefined ? undefined : (
        <Problem text={state === 'interrupted' ? `Interrupted. ${problem} Retry to ask again.` : problem} />
      )}
      <Stats stats={note === undefined ? stats : [note, ...stats]} />
    </>
  );
}

function Stats({ stats }: { readonly stats: readonly string[] }): JSX.Element | undefined {
  return stats.length === 0 ? undefined : <p class="stats">{stats.join(' · ')}</p>;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON with line breaks; what is no JSON yet as it is. */
function indented(json: string): string {
  return isJson(json) ? JSON.stringify(JSON.parse(json), undefined, 2) : json;
}
