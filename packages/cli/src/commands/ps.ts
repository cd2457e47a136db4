// lamina ps: shows the models that a server has in use, why others wait, and the memory they share.
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { LaminaClient } from '@lamina/client';
import { countsModels, type PsModel, type PsView } from '@lamina/core/protocol';
import { showBytes, showSeconds } from '../amounts.js';
import { AsyncSignal } from '../async-signal.js';
import type { GlobalOptions } from '../global-options.js';
import { LiveScreen } from '../live-screen.js';
import { stripControls, type CommandResult, type Printer } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { styleState } from '../state.js';
import { counted, pairs } from '../table.js';
import { addExample } from './example.js';

/** How often the screen is drawn, also when nothing happens, because times pass. */
const refreshMs = 1_000;

interface PsOptions extends GlobalOptions {
  readonly watch?: boolean;
}

/** Adds the command. */
export function psCommand(program: Command, session: Session): void {
  const command = program
    .command('ps')
    .option('-w, --watch', 'Show changes until Ctrl-C')
    .description('Show models in use, why others wait, and their memory')
    .action((_: unknown, command: Command) => {
      const options = command.optsWithGlobals<PsOptions>();
      return session.connect(options, async (context) => {
        if (options.watch === true) return watch(context);
        const { client, io, printer } = context;
        return resultOf(await client.models.ps({ signal: io.signal }), printer);
      });
    });
  addExample(command, 'lamina ps --watch');
}

/** Shows each change, until the signal of the command is aborted: on a terminal in place, elsewhere one below the other. */
async function watch({ client, url, io, printer }: ClientContext): Promise<never> {
  const { signal, stdout } = io;
  const screen = stdout.isTTY === true && !printer.json ? new LiveScreen(stdout) : undefined;
  const changed = changes(client, signal);
  try {
    for (let last = ''; ;) {
      const view = await client.models.ps({ signal });
      const result = resultOf(view, printer);
      const head = printer.style.dim(`${url}, Ctrl-C to leave`);
      if (screen !== undefined) screen.show(`${head}\n\n${stripControls(result.text, printer.style)}`);
      else if (JSON.stringify(view.models) !== last) printer.result(result);
      last = JSON.stringify(view.models);
      await Promise.race([changed.wait(signal), delay(refreshMs, undefined, { signal })]);
    }
  } finally {
    screen?.close();
  }
}

/** Notified when something happens to a model or a request. */
function changes(client: LaminaClient, signal: AbortSignal): AsyncSignal {
  const changed = new AsyncSignal();
  for (const type of ['model.state', 'request.started', 'request.finished', 'queue.position'] as const)
    client.on(type, () => changed.notify(), { signal });
  return changed;
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
    rows.length === 0 ? 'No model is in use.' : printer.table(headings, rows),
    pairs(Object.entries(view.resources).map(resourceLine)),
    models.flatMap(([name, model]) => notesOf(name, model)).join('\n'),
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

function waitReason({ wait_reason: reason, state, busy, capacity }: PsModel): string | undefined {
  if (reason !== undefined) return reason;
  if (state === 'starting' || state === 'waking') return 'it is loading';
  return capacity !== undefined && busy >= capacity ? `it serves ${capacity} at once` : undefined;
}
