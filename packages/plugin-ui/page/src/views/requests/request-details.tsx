// One request: what its time went into, what is known of it, and its texts when they are kept.
import type { ComponentChildren, JSX } from 'preact';
import { CopyButton, Note } from '../../components/basics.js';
import { formatDate, formatDuration, formatNumber, formatSpeed } from '../../format.js';
import type { Session } from '../../server/session.js';
import type { CaptureList } from './capture.js';
import { RequestTexts } from './request-texts.js';
import type { RequestEntry } from './request-list.js';
import { partsOf, type RequestPart } from './request-parts.js';

export function RequestDetails({
  entry,
  session,
  capture,
}: {
  readonly entry: RequestEntry;
  readonly session: Session;
  readonly capture: CaptureList | undefined;
}): JSX.Element {
  const { error, cut } = entry;
  const parts = partsOf(entry);
  return (
    <div class="request-details">
      {error === undefined ? undefined : (
        <p class="problem">
          {error.message} <code>{error.code}</code>
          {cut === true ? ' The answer had begun.' : ''}
        </p>
      )}
      {parts.length === 0 ? undefined : <Parts parts={parts} />}
      <Facts entry={entry} />
      {capture?.on === true ? <Kept entry={entry} session={session} capture={capture} /> : <NotKept />}
    </div>
  );
}

function Parts({ parts }: { readonly parts: readonly RequestPart[] }): JSX.Element {
  const sentence = parts.map(({ label, ms }) => `${label} ${formatDuration(ms)}`).join(', ');
  return (
    <div class="request-parts">
      <div class="bar" role="img" aria-label={`What the time went into: ${sentence}`}>
        {parts.map(({ kind, ratio }) =>
          ratio === 0 ? undefined : <span key={kind} class={`part-${kind}`} style={{ flexGrow: ratio }} />,
        )}
      </div>
      <ul>
        {parts.map(({ kind, label, ms }) => (
          <li key={kind}>
            <span class={`swatch part-${kind}`} />
            {label} <b>{formatDuration(ms)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Facts({ entry }: { readonly entry: RequestEntry }): JSX.Element {
  const { request, model, answered_by, route, via, key, stream, at, ms, finish_reason } = entry;
  const { prompt_tokens, cached_tokens, completion_tokens, tokens_per_second } = entry;
  return (
    <dl class="facts">
      <Fact name="Request id">
        <code>{request}</code> <CopyButton text={() => request} label="Copy the request id" iconOnly />
      </Fact>
      <Fact name="Model">{answered_by === undefined ? model : `${model}, answered by ${answered_by}`}</Fact>
      <Fact name="Route">{`${route}, ${stream ? 'streamed' : 'not streamed'}`}</Fact>
      <Fact name="Via">{via}</Fact>
      <Fact name="Key">{key ?? 'without a name'}</Fact>
      <Fact name={ms === undefined ? 'Started' : 'Ended'}>{formatDate(at)}</Fact>
      <Fact name="Finish reason">{finish_reason}</Fact>
      <Fact name="Prompt tokens">
        {prompt_tokens === undefined ? undefined : `${formatNumber(prompt_tokens)}${cachedText(cached_tokens)}`}
      </Fact>
      <Fact name="Answer tokens">{completion_tokens === undefined ? undefined : formatNumber(completion_tokens)}</Fact>
      <Fact name="Speed">{tokens_per_second === undefined ? undefined : formatSpeed(tokens_per_second)}</Fact>
    </dl>
  );
}

/** A fact that is not known is not shown. */
function Fact({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element | undefined {
  if (children === undefined) return undefined;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function cachedText(tokens: number | undefined): string {
  return tokens === undefined ? '' : `, ${formatNumber(tokens)} of them from the cache`;
}

function Kept({
  entry,
  session,
  capture,
}: {
  readonly entry: RequestEntry;
  readonly session: Session;
  readonly capture: CaptureList;
}): JSX.Element {
  const { request, status } = entry;
  if (capture.requests.includes(request))
    return <RequestTexts session={session} request={request} isRunning={status === undefined} />;
  return (
    <Note>
      The prompt and the answer of this request are not kept: those of the last 50 chats and completions are, from the
      start of the server.
    </Note>
  );
}

function NotKept(): JSX.Element {
  return (
    <Note>
      Prompts and answers are not kept. The operator of the server can switch that on in its configuration file, with{' '}
      <code>{'options: { ui: { capture: true } }'}</code>.
    </Note>
  );
}
