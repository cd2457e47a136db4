// Ends the process after an uncaught exception, because its state is unknown.
import type { Logger } from '@lamina/core';
import { reasonOf } from '@lamina/core/protocol';

/** What happens at an uncaught exception. */
export interface FaultHandler {
  /** The log, as soon as there is one; until then the exception is written to standard error. */
  log?: Logger;
  /** From now on, an uncaught exception is again up to Node. */
  end(): void;
}

/** Logs an uncaught exception or rejection and exits with code 1. The guard process then ends the engines. */
export function endOnFault(): FaultHandler {
  const onFault = (error: Error): void => {
    const message = `Lamina stops because of an internal error: ${reasonOf(error)}. Please report it, with this line of the log.`;
    if (handler.log === undefined) process.stderr.write(`lamina: ${message}\n`);
    else handler.log.error({ event: 'server.fault', err: error }, message);
    process.exit(1);
  };
  const handler: FaultHandler = { end: () => void process.off('uncaughtException', onFault) };
  process.on('uncaughtException', onFault);
  return handler;
}
