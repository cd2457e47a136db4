// The end of a process in which something was thrown that nothing catches: its state is unknown, so it does not go on.
import type { Logger } from '@lamina/core';
import { reasonOf } from '@lamina/core/protocol';

/** Who logs the fault; until there is a log, standard error has its sentence. */
export interface FaultLog {
  log?: Logger;
}

/**
 * Says what was thrown, or rejected, in one line, and ends the process with code 1. The guard process then ends the
 * engines.
 */
export function endOnFault(): FaultLog {
  const fault: FaultLog = {};
  process.on('uncaughtException', (error) => {
    const message = `Lamina ends because of a fault of its own: ${reasonOf(error)}. Please report it, with this line of the log.`;
    if (fault.log === undefined) process.stderr.write(`lamina-server: ${message}\n`);
    else fault.log.error({ event: 'server.fault', err: error }, message);
    process.exit(1);
  });
  return fault;
}
