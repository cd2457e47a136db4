// lamina serve: serves the models of this machine until it is stopped, as lamina-server does.
import { addFlags } from '@lamina/config';
import type { Command } from 'commander';
import { commandAt } from '../command-location.js';
import { refuseServer } from '../contributed-commands.js';
import type { GlobalOptions } from '../global-options.js';
import type { Session } from '../session.js';
import { addExample } from './example.js';

/** Adds the command. */
export function serveCommand(program: Command, session: Session): void {
  const command = addFlags(program.command('serve'))
    .description('Serve the models of this machine until Ctrl-C')
    .action(async (_: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalOptions>();
      refuseServer(command, flags);
      const { env, path, stdout, signal, onForce = () => undefined, onReload = () => undefined } = session.io;
      const atOnce = new AbortController();
      onForce(() => atOnce.abort());
      const { serve } = await import('@lamina/server-koa/serve');
      try {
        await serve({ command: commandAt(path), flags, env, stdout, orderly: signal, atOnce: atOnce.signal, onReload });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    });
  addExample(command, 'lamina serve --port 8080');
}
