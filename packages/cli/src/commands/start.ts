// lamina start and lamina stop: load models in a server, and unload them.
import type { Command } from 'commander';
import type { LaminaEvent } from '@lamina/client';
import { percent, showSeconds } from '../amounts.js';
import type { GlobalOptions } from '../global-options.js';
import type { CommandResult } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { StatusLine } from '../status-line.js';
import { addExample } from './example.js';

/** Adds the command. */
export function startCommand(program: Command, session: Session): void {
  addCommand(program, session, 'start', 'Load models and keep them loaded', start);
}

/** Adds the command. */
export function stopCommand(program: Command, session: Session): void {
  addCommand(program, session, 'stop', 'Unload models', stop);
}

type Action = (model: string, context: ClientContext) => Promise<CommandResult>;

/** A command that does something to one model after the other. It ends at the first that fails. */
function addCommand(program: Command, session: Session, name: string, description: string, action: Action): void {
  const command = program
    .command(name)
    .argument('<models...>', 'Names or aliases of models')
    .description(description)
    .action((models: readonly string[], _: unknown, command: Command) =>
      session.connect(command.optsWithGlobals<GlobalOptions>(), async (context) => {
        for (const model of models) session.print(await action(model, context));
      }),
    );
  addExample(command, `lamina ${name} llama3.2-3b`);
}

async function start(model: string, { client, io, printer }: ClientContext): Promise<CommandResult> {
  const { signal } = io;
  const status = new StatusLine(io.stderr, printer);
  const startedAt = performance.now();
  status.show(`Starting ${model}`);
  const stopListening = client.on('model.progress', (event) => status.show(progressText(event)), { signal });
  try {
    const view = await client.models.start(model, { signal });
    const time = showSeconds((performance.now() - startedAt) / 1000);
    return { json: { model, ...view }, text: `Started ${model} in ${time}.` };
  } finally {
    stopListening();
    status.clear();
  }
}

async function stop(model: string, { client, io }: ClientContext): Promise<CommandResult> {
  const { state } = await client.models.get(model, { signal: io.signal });
  const view = await client.models.stop(model, { signal: io.signal });
  return { json: { model, ...view }, text: state === 'stopped' ? `${model} does not run.` : `Stopped ${model}.` };
}

function progressText({ model, stage, ratio }: LaminaEvent<'model.progress'>): string {
  return `Starting ${model}: ${stage}${ratio === undefined ? '' : `, ${percent(ratio, 1)} %`}`;
}
