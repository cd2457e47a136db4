// Ends the process after an uncaught exception, because its state is unknown.
import type { Logger } from '@lamina/core';
import { reasonOf } from '@lamina/core/protocol';

/** The log, as soon as there is one; until then the exception is written to standard error. */
export interface FaultLog {
  log?: Logger;
}

/** Logs an uncaught exception or rejection and exits with code 1. The guard process then ends the engines. */
export function endOnFault(): FaultLog {
  const fault: FaultLog = {};
  process.on('uncaughtException', (error) => {
    const message = `Lamina stops because of an internal error: ${reasonOf(error)}. Please report it, with this line of the log.`;
    if (fault.log === undefined) process.stderr.write(`lamina: ${message}\n`);
    else fault.log.error({ event: 'server.fault', err: error }, message);
    process.exit(1);
  });
  return fault;
}
