// The table of requests. A row opens into the details of its request.
import { useSignal, type ReadonlySignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Icon } from '../../components/icons.js';
import { formatClock, formatDuration, formatNumber, formatSpeed } from '../../format.js';
import type { Session } from '../../server/session.js';
import type { CaptureList } from './capture.js';
import { RequestDetails } from './request-details.js';
import { outcomeOf, type Outcome, type RequestEntry } from './request-list.js';

const tones: Readonly<Record<Outcome, string>> = { running: 'busy', answered: 'good', cancelled: '', failed: 'bad' };

interface RowProps {
  readonly entry: RequestEntry;
  readonly isOpen: boolean;
  readonly now: ReadonlySignal<number>;
  readonly session: Session;
  readonly capture: CaptureList | undefined;
  readonly onOpen: (request: string) => void;
}

export function RequestTable({
  entries,
  opened,
  isPaused,
  ...row
}: Omit<RowProps, 'entry' | 'isOpen' | 'now'> & {
  readonly entries: readonly RequestEntry[];
  /** The id of the request that is open. */
  readonly opened: string;
  /** Durations stand still. */
  readonly isPaused: boolean;
}): JSX.Element {
  const now = useNow(!isPaused && entries.some(({ status }) => status === undefined));
  return (
    <div class="table-scroll" role="region" aria-label="Requests" tabIndex={0}>
      <table class="data requests">
        <thead>
          <tr>
            <th>Time</th>
            <th>Model</th>
            <th class="wide">Route</th>
            <th>Status</th>
            <th class="number">Duration</th>
            <th class="number wide">Tokens in → out</th>
            <th class="number wide">Speed</th>
            <th class="number wide">First token</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Row key={entry.request} entry={entry} isOpen={entry.request === opened} now={now} {...row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ entry, isOpen, now, session, capture, onOpen }: RowProps): JSX.Element {
  const { request, at, model, route, stream, ms, ttft_ms: ttft, tokens_per_second: speed } = entry;
  const outcome = outcomeOf(entry);
  return (
    <>
      {/* The button in it is for the keyboard; the whole row is for the mouse. */}
      <tr class={`request ${isOpen ? 'open' : ''}`} onClick={() => onOpen(request)}>
        <td>
          <button type="button" class="opener" aria-expanded={isOpen} aria-label={`${formatClock(at)}, details`}>
            <Icon name={isOpen ? 'down' : 'right'} />
            {formatClock(at)}
          </button>
        </td>
        <td class="model">{model}</td>
        <td class="wide">{route}</td>
        <td>
          <span class={`state ${tones[outcome]}`}>{statusText(entry, outcome)}</span>
        </td>
        <td class="number">{ms === undefined ? <Elapsed since={at} now={now} /> : formatDuration(ms)}</td>
        <td class="number wide">{tokensText(entry)}</td>
        <td class="number wide">{speed === undefined ? '–' : formatSpeed(speed)}</td>
        <td class="number wide">{stream && ttft !== undefined ? formatDuration(ttft) : '–'}</td>
      </tr>
      {isOpen ? (
        <tr class="details">
          <td colSpan={8}>
            <RequestDetails entry={entry} session={session} capture={capture} />
          </td>
        </tr>
      ) : undefined}
    </>
  );
}

/** How long a request runs already. It is a component of its own, so that only it changes with the time. */
function Elapsed({ since, now }: { readonly since: string; readonly now: ReadonlySignal<number> }): JSX.Element {
  return <>{formatDuration(100 * Math.max(0, Math.floor((now.value - Date.parse(since)) / 100)))}</>;
}

function statusText({ status }: RequestEntry, outcome: Outcome): string {
  if (outcome === 'running') return 'running';
  return outcome === 'answered' ? String(status) : `${status} ${outcome}`;
}

function tokensText({ prompt_tokens: prompt, completion_tokens: completion }: RequestEntry): string {
  if (prompt === undefined && completion === undefined) return '–';
  const [before, after] = [prompt, completion].map((count) => (count === undefined ? '?' : formatNumber(count)));
  return `${before} → ${after}`;
}

/** The time, as long as something shows it and the page is visible. */
function useNow(isActive: boolean): ReadonlySignal<number> {
  const now = useSignal(Date.now());
  useEffect(() => {
    if (!isActive) return undefined;
    const update = (): void => {
      if (!document.hidden) now.value = Date.now();
    };
    update();
    const timer = setInterval(update, 200);
    return () => clearInterval(timer);
  }, [isActive]);
  return now;
}
