// lamina ps: shows the models that a server has in use, why others wait, and the memory they share.
import type { Command } from 'commander';
import { countsModels, type PsModel, type PsView } from '@lamina/core/protocol';
import { showBytes, showSeconds } from '../amounts.js';
import type { CommandResult, Printer } from '../printer.js';
import type { Session } from '../session.js';
import { counted, pairs } from '../table.js';
import { addExample } from './example.js';

/** Adds the command. */
export function psCommand(program: Command, session: Session): void {
  const command = program
    .command('ps')
    .description('Show the models that a server has in use, why others wait, and the memory they share')
    .action((_, command: Command) =>
      session.connect(command.optsWithGlobals(), async ({ client, io, printer }) =>
        resultOf(await client.models.ps({ signal: io.signal }), Date.now(), printer),
      ),
    );
  addExample(command, 'lamina ps');
}

function resultOf(view: PsView, now: number, printer: Printer): CommandResult {
  const models = Object.entries(view.models);
  const rows = models.map(([name, model]) => [
    name,
    model.state,
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

/** Why requests wait for a model: a part of a sentence. */
export function waitReason({ wait_reason: reason, state, busy, capacity }: PsModel): string | undefined {
  if (reason !== undefined) return reason;
  if (state === 'starting' || state === 'waking') return 'it is loading';
  return capacity !== undefined && busy >= capacity ? `it serves ${capacity} at once` : undefined;
}
