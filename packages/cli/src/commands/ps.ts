// lamina ps: shows the models that a server has in use, why others wait, and the memory they share.
import type { Style } from '@lamina/config';
import type { Command } from 'commander';
import { countsModels, type PsModel, type PsView } from '@lamina/core/protocol';
import { showBytes, showSeconds } from '../amounts.js';
import { AsyncSignal } from '../async-signal.js';
import type { GlobalOptions } from '../global-options.js';
import { LiveScreen } from '../live-screen.js';
import { stripControls, type CommandResult, type Printer } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { styleState } from '../state.js';
import { counted } from '../table.js';
import { addExample } from './example.js';

const refreshMs = 1_000;

interface PsOptions extends GlobalOptions {
  readonly watch?: boolean;
}

/** Adds the command. */
export function psCommand(program: Command, session: Session): void {
  const command = program
    .command('ps')
    .option('-w, --watch', 'Keep the screen up to date until Ctrl-C (exit code 130)')
    .description('Show models in use, who waits, and their memory')
    .action((_: unknown, command: Command) => {
      const options = command.optsWithGlobals<PsOptions>();
      return session.connect(options, (context) => {
        const { client, io, printer } = context;
        return options.watch === true && (printer.json || io.stdout.isTTY === true)
          ? watch(context)
          : client.models.ps({ signal: io.signal }).then((view) => resultOf(view, printer));
      });
    });
  addExample(command, 'lamina ps --watch');
}

/** Until the signal of the command is aborted: a screen that is drawn again, or with `--json` a document per change. */
async function watch({ client, io, printer }: ClientContext): Promise<never> {
  const { signal } = io;
  const changed = new AsyncSignal();
  const notify = (): void => changed.notify();
  for (const type of ['model.state', 'request.started', 'request.finished'] as const)
    client.on(type, notify, { signal });
  const timer = setInterval(notify, refreshMs);
  const show = printer.json ? showChanges(printer) : undefined;
  const screen = printer.json ? undefined : new LiveScreen(io.stdout, notify);
  const { yellow } = printer.style;
  client.on('disconnected', () => screen?.draw(yellow('The connection was lost. Connecting again.')), { signal });
  try {
    for (;;) {
      const view = await client.models.ps({ signal });
      show?.(view);
      screen?.draw(stripControls(`${totalsOf(view, printer.style)}\n\n${resultOf(view, printer).text}`, printer.style));
      await changed.wait(signal);
    }
  } finally {
    clearInterval(timer);
    screen?.close();
  }
}

/** Prints a view that differs from the last one; the free memory of the machine is always another. */
function showChanges(printer: Printer): (view: PsView) => void {
  let last = '';
  return (view) => {
    const reserved = Object.values(view.resources).map((resource) => resource.reserved);
    const now = JSON.stringify([view.models, reserved]);
    if (now !== last) printer.document(view);
    last = now;
  };
}

/** `12:30:01  2 ready, 1 starting, 3 requests, 1 waiting`. */
function totalsOf({ models }: PsView, { bold, dim }: Style): string {
  const all = Object.values(models);
  const states = [...new Set(all.map(({ state }) => state))].sort();
  const busy = all.reduce((sum, model) => sum + model.busy, 0);
  const waiting = all.reduce((sum, model) => sum + model.waiting, 0);
  const parts = [
    ...states.map((state) => `${all.filter((model) => model.state === state).length} ${state}`),
    counted(busy, 'request'),
    ...(waiting === 0 ? [] : [`${waiting} waiting`]),
  ];
  return `${bold(parts.join(', '))}  ${dim(`${new Date().toLocaleTimeString('en-GB')}, Ctrl-C to leave`)}`;
}

function resultOf(view: PsView, printer: Printer): CommandResult {
  const now = Date.now();
  const models = Object.entries(view.models);
  const rows = models.map(([name, model]) => [
    name,
    styleState(model.state, printer.style),
    model.backend ?? '-',
    memoryOf(model),
    requestsOf(model),
    untilOf(model, now),
  ]);
  const headings = ['MODEL', 'STATE', 'BACKEND', '>MEMORY', 'REQUESTS', 'UNTIL'];
  const parts = [
    rows.length === 0 ? 'No model is in use. Load one with: lamina start <model>' : printer.table(headings, rows),
    printer.pairs(Object.entries(view.resources).map(resourceLine)),
    printer.wrap(models.flatMap(([name, model]) => notesOf(name, model)).join('\n')),
  ];
  return { json: view, text: parts.filter((part) => part !== '').join('\n\n') };
}

/** System memory and that of devices. */
function memoryOf({ memory }: PsModel): string {
  if (memory === undefined) return '-';
  const amounts = Object.entries(memory.reserved).filter(([name]) => !countsModels(name));
  return showBytes(amounts.reduce((sum, [, bytes]) => sum + bytes, 0));
}

function requestsOf({ busy, waiting }: PsModel): string {
  return `${busy}${waiting > 0 ? `, ${waiting} waiting` : ''}`;
}

/** Until when it stays in this state, if nobody needs it. */
function untilOf({ state, busy, idle_at: idleAt, retry_at: retryAt }: PsModel, now: number): string {
  const after = (time: string) => showSeconds(Math.max(0, (Date.parse(time) - now) / 1000));
  if (idleAt !== undefined) return after(idleAt);
  if (retryAt !== undefined && Date.parse(retryAt) > now) return `retry in ${after(retryAt)}`;
  if (state === 'failed') return 'next request';
  if (state !== 'ready' && state !== 'degraded') return '-';
  return busy > 0 ? 'in use' : 'stopped';
}

function resourceLine([name, { budget, reserved, free }]: [string, PsView['resources'][string]]): readonly [
  name: string,
  value: string,
] {
  if (countsModels(name)) return [name.replace(':', ' '), `${reserved} of ${budget ?? 'any number'}`];
  const of = budget === undefined ? '' : ` of ${showBytes(budget)}`;
  const left = free === undefined ? '' : `, ${showBytes(free)} free`;
  return [name === 'host' ? 'memory' : name, `${showBytes(reserved)}${of} reserved${left}`];
}

function notesOf(name: string, model: PsModel): readonly string[] {
  const { waiting, error, memory } = model;
  const reason = waitReason(model);
  return [
    ...(waiting === 0 || reason === undefined
      ? []
      : [`${name}: ${counted(waiting, 'request')} ${waiting === 1 ? 'waits' : 'wait'}: ${reason}`]),
    ...(error === undefined ? [] : [error.message.includes(`"${name}"`) ? error.message : `${name}: ${error.message}`]),
    ...(memory?.slow === true ? [`${name}: slow, because its weights do not fit in memory`] : []),
  ];
}

/** Why requests wait for a model: a part of a sentence. */
export function waitReason({ wait_reason: reason, state, busy, capacity }: PsModel): string | undefined {
  if (reason !== undefined) return reason;
  if (state === 'starting' || state === 'waking') return 'it is loading';
  return capacity !== undefined && busy >= capacity ? `it serves ${capacity} at once` : undefined;
}
