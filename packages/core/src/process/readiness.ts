// When an engine that was just started is ready, and whether what answers on its port is that engine.
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { isSuccess, statusOf, type EngineAddress } from './engine-http.js';

const intervalMs = 15; // Ready is to be noticed within 25 ms, the answer included.
const limitMs = 1_000;
const mostOpen = 50;

/** What is asked of a port until it is ready. */
export interface ReadinessQuestions extends EngineAddress {
  /** The path that answers 2xx once the model is loaded. */
  readonly ready: string;
  /** The path that wants the key; `false`: the engine takes none. */
  readonly identity: string | false;
  /** False while there is no use in asking. */
  mayAsk(): boolean;
  /** Settles when the process ends, which ends the waiting. */
  readonly exited: Promise<unknown>;
  readonly signal: AbortSignal;
  /** Hears what each answer says, in words. */
  onFinding(finding: Finding): void;
}

/**
 * What the port last said, for the message should nothing better come. A stranger is a program that is not the engine.
 */
export interface Finding {
  readonly stranger: boolean;
  readonly text: string;
}

/**
 * `verified`: our key opens the identity path and a wrong one does not. `unverified`: nothing could prove it. `exited`:
 * it will never be.
 */
export type Readiness = 'verified' | 'unverified' | 'exited';

/**
 * Asks every 15 ms, whether or not earlier questions are answered: one that hangs must not delay the next. Each has a
 * second. A stranger on the port is never taken for the engine; waiting goes on until the process ends.
 * @throws the signal's reason
 */
export async function untilReady(questions: ReadinessQuestions): Promise<Readiness> {
  const { signal, exited, onFinding } = questions;
  signal.throwIfAborted();
  const asking = new AbortController();
  setMaxListeners(0, asking.signal);
  let timer: NodeJS.Timeout | undefined;
  let open = 0;
  let onAbort = () => {};
  try {
    return await new Promise<Readiness>((resolve, reject) => {
      const askAgain = async () => {
        if (open >= mostOpen || !questions.mayAsk()) return;
        open += 1;
        const answer = await askOnce(questions, asking.signal).finally(() => (open -= 1));
        if (typeof answer === 'string') resolve(answer);
        else if (!asking.signal.aborted) onFinding(answer);
      };
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      void exited.then(() => resolve('exited'));
      timer = setInterval(() => void askAgain().catch(reject), intervalMs);
      askAgain().catch(reject);
    });
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', onAbort);
    asking.abort();
  }
}

async function askOnce(questions: ReadinessQuestions, signal: AbortSignal): Promise<Readiness | Finding> {
  const { ready, identity } = questions;
  const status = await statusOf(questions, ready, { limitMs, signal });
  if (status === undefined) return { stranger: false, text: 'nothing answered on its port' };
  if (isRefusal(status))
    return { stranger: true, text: `another program is on its port: ${ready} refuses the engine's key` };
  if (!isSuccess(status)) return { stranger: false, text: `${ready} was still answered with ${status}` };
  return identity === false ? 'unverified' : prove(questions, identity, signal);
}

async function prove(address: EngineAddress, path: string, signal: AbortSignal): Promise<Readiness | Finding> {
  const wrongKey = randomBytes(address.key.length / 2).toString('hex');
  const [ours, wrong] = await Promise.all(
    [address, { ...address, key: wrongKey }].map((asked) => statusOf(asked, path, { limitMs, signal })),
  );
  if (isRefusal(ours))
    return { stranger: true, text: `another program is on its port: ${path} refuses the engine's key` };
  if (isSuccess(wrong))
    return { stranger: true, text: `another program is on its port, or it takes no key: ${path} is open to any key` };
  if (isSuccess(ours) && isRefusal(wrong)) return 'verified';
  return {
    stranger: false,
    text: `${path} was answered with ${ours ?? 'nothing'} to its key and ${wrong ?? 'nothing'} to a wrong one`,
  };
}

function isRefusal(status: number | undefined): boolean {
  return status === 401 || status === 403;
}
