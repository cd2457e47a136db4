// lamina start and lamina stop: load models in a server, and unload them.
import type { Command } from 'commander';
import type { LaminaClient, LaminaEvent, ModelView } from '@lamina/client';
import { percent, showElapsed } from '../amounts.js';
import type { GlobalOptions } from '../global-options.js';
import { oneByOne } from '../one-by-one.js';
import type { CommandResult } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { StatusLine } from '../status-line.js';
import { addExample } from './example.js';
import { waitReason } from './ps.js';

/** Adds the command. */
export function startCommand(program: Command, session: Session): void {
  addCommand(program, session, 'start', 'Load models and keep them loaded', start);
}

/** Adds the command. */
export function stopCommand(program: Command, session: Session): void {
  addCommand(program, session, 'stop', 'Unload models', stop);
}

/** A model of the server, under its name. */
interface FoundModel {
  readonly name: string;
  readonly state: ModelView['state'];
}

type Action = (model: FoundModel, context: ClientContext) => Promise<CommandResult>;

/** A command that does something to one model after the other. */
function addCommand(program: Command, session: Session, name: string, description: string, action: Action): void {
  const command = program
    .command(name)
    .argument('<models...>', 'Names or aliases of models')
    .description(description)
    .action((models: readonly string[], _: unknown, command: Command) =>
      session.connect(command.optsWithGlobals<GlobalOptions>(), (context) =>
        oneByOne(models, (model) => act(model, action, context), context),
      ),
    );
  addExample(command, `lamina ${name} llama3.2-3b`);
}

/** Finds the model and does it. @throws LaminaError also for the errors of the client */
async function act(wanted: string, action: Action, context: ClientContext): Promise<CommandResult> {
  try {
    return await action(await find(wanted, context), context);
  } catch (error) {
    const { toLaminaError } = await import('../server-session.js');
    throw toLaminaError(error, context.url);
  }
}

/** Events name a model by its name, people also by an alias. @throws LaminaClientError `MODEL_NOT_FOUND` */
async function find(wanted: string, { client, io: { signal } }: ClientContext): Promise<FoundModel> {
  const { models } = await client.models.list({}, { signal });
  const found = Object.entries(models).find(([name, { aliases }]) => name === wanted || aliases?.includes(wanted));
  if (found !== undefined) return { name: found[0], state: found[1].state };
  return { name: wanted, state: (await client.models.get(wanted, { signal })).state };
}

async function start({ name, state }: FoundModel, { client, io, printer }: ClientContext): Promise<CommandResult> {
  const status = new StatusLine(io.stderr, printer);
  const startedAt = performance.now();
  const listening = new AbortController();
  const signal = AbortSignal.any([io.signal, listening.signal]);
  const show = (text: string): void => void (signal.aborted || status.show(`Starting ${name}${text}`));
  show('');
  client.on('model.progress', (event) => event.model === name && show(progressText(event)), { signal });
  client.on('model.state', (event) => event.model === name && void showState(event, client, show), { signal });
  try {
    const view = await client.models.start(name, { signal: io.signal });
    const { backend } = (view.server ?? view) as { readonly backend?: string };
    const engine = backend === undefined ? '' : ` on ${backend}`;
    const time = showElapsed((performance.now() - startedAt) / 1000);
    const text = state === 'ready' ? `${name} already runs${engine}.` : `Started ${name}${engine} in ${time}.`;
    return { json: { model: name, ...view }, text };
  } finally {
    listening.abort();
    status.clear();
  }
}

/** Says what a start waits for. */
async function showState(
  { model, to }: LaminaEvent<'model.state'>,
  client: LaminaClient,
  show: (text: string) => void,
): Promise<void> {
  if (to === 'starting') return show(', loading');
  if (to !== 'queued') return;
  // The start itself fails if this does.
  const waiting = await client.models.ps().then(
    ({ models }) => models[model],
    () => undefined,
  );
  const reason = waiting && waitReason(waiting);
  const behind = (waiting?.waiting ?? 0) > 1 ? `, with ${waiting!.waiting - 1} more requests` : '';
  show(`, queued${behind}${reason === undefined ? '' : `: ${reason}`}`);
}

function progressText({ stage, ratio }: LaminaEvent<'model.progress'>): string {
  return `, ${stage}${ratio === undefined ? '' : ` ${percent(ratio, 1)} %`}`;
}

async function stop({ name, state }: FoundModel, { client, io }: ClientContext): Promise<CommandResult> {
  const view = await client.models.stop(name, { signal: io.signal });
  return { json: { model: name, ...view }, text: state === 'stopped' ? `${name} does not run.` : `Stopped ${name}.` };
}
