// Waits until a starting engine is ready, and proves that the program on its port is that engine.
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { abortable } from '../kernel/abort.js';
import { isSuccess, statusOf, type EngineAddress } from './engine-http.js';

const intervalMs = 15; // Readiness is noticed within 25 ms, including the response.
const requestTimeoutMs = 1_000;
const maxOpenRequests = 50;

/** How to check whether an engine is ready. */
export interface ReadinessChecks extends EngineAddress {
  /** The path that answers 2xx once the model is loaded. */
  readonly ready: string;
  /** The path that requires the key; `false`: the engine takes none. */
  readonly identity: string | false;
  /** False while requests would be useless. */
  mayRequest(): boolean;
  /** Resolves when the process ends, which ends the waiting. */
  readonly exited: Promise<unknown>;
  readonly signal: AbortSignal;
  /** Called with what each response means. */
  onFinding(finding: PortFinding): void;
}

/**
 * What was last found on the port, for the error message. A stranger is a program that is not the engine.
 */
export interface PortFinding {
  readonly stranger: boolean;
  readonly text: string;
}

/**
 * `verified`: the identity path accepts our key and refuses a wrong one. `unverified`: there is no proof. `exited`: the
 * process ended.
 */
export type Readiness = 'verified' | 'unverified' | 'exited';

/**
 * Sends a request every 15 ms, whether or not earlier ones are answered: one that hangs must not delay the next. Each has
 * one second. A stranger on the port never counts as the engine; waiting continues until the process ends.
 * @throws the signal's reason
 */
export async function untilReady(checks: ReadinessChecks): Promise<Readiness> {
  const { signal, exited, onFinding } = checks;
  signal.throwIfAborted();
  const requests = new AbortController();
  setMaxListeners(0, requests.signal);
  let timer: NodeJS.Timeout | undefined;
  let open = 0;
  const readiness = new Promise<Readiness>((resolve, reject) => {
    const check = async () => {
      if (open >= maxOpenRequests || !checks.mayRequest()) return;
      open += 1;
      const result = await checkOnce(checks, requests.signal).finally(() => (open -= 1));
      if (typeof result === 'string') resolve(result);
      else if (!requests.signal.aborted) onFinding(result);
    };
    void exited.then(() => resolve('exited'));
    timer = setInterval(() => void check().catch(reject), intervalMs);
    check().catch(reject);
  });
  try {
    return await abortable(readiness, signal);
  } finally {
    clearInterval(timer);
    requests.abort();
  }
}

async function checkOnce(checks: ReadinessChecks, signal: AbortSignal): Promise<Readiness | PortFinding> {
  const { ready, identity } = checks;
  const status = await statusOf(checks, ready, { limitMs: requestTimeoutMs, signal });
  if (status === undefined) return { stranger: false, text: 'no HTTP response came from its port' };
  if (isRefusal(status))
    return { stranger: true, text: `another program is on its port: ${ready} refuses the engine's key` };
  if (!isSuccess(status)) return { stranger: false, text: `${ready} still responds with ${status}` };
  return identity === false ? 'unverified' : prove(checks, identity, signal);
}

async function prove(address: EngineAddress, path: string, signal: AbortSignal): Promise<Readiness | PortFinding> {
  const wrongKey = randomBytes(address.key.length / 2).toString('hex');
  const [ours, wrong] = await Promise.all(
    [address, { ...address, key: wrongKey }].map((target) =>
      statusOf(target, path, { limitMs: requestTimeoutMs, signal }),
    ),
  );
  if (isRefusal(ours))
    return { stranger: true, text: `another program is on its port: ${path} refuses the engine's key` };
  if (isSuccess(wrong))
    return { stranger: true, text: `another program is on its port, or it ignores its key: ${path} accepts any key` };
  if (isSuccess(ours) && isRefusal(wrong)) return 'verified';
  return {
    stranger: false,
    text: `${path} responds with ${ours ?? 'nothing'} to its key and ${wrong ?? 'nothing'} to a wrong one`,
  };
}

function isRefusal(status: number | undefined): boolean {
  return status === 401 || status === 403;
}
