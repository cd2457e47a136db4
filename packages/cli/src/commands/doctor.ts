// lamina doctor: checks the installation and shows what is wrong, with the command that mends it.
import type { Command } from 'commander';
import width from 'fast-string-width';
import type { Finding } from '../doctor/examine.js';
import { refuseServer } from '../contributed-commands.js';
import { countedFaults } from '../faults.js';
import type { GlobalOptions } from '../global-options.js';
import { withShortPaths, withTilde } from '../home-folder.js';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { StatusLine } from '../status-line.js';
import { wrapAt } from '../table.js';
import { addExample } from './example.js';

interface DoctorOptions extends GlobalOptions {
  readonly online?: boolean;
}

type Status = 'ok' | 'warning' | 'error';

const indent = ' '.repeat(6);

/** Adds the command. */
export function doctorCommand(program: Command, session: Session): void {
  const command = program
    .command('doctor')
    .option('--online', 'Also check that the registries of models can be reached')
    .summary('Find what is wrong and how to mend it')
    .description('Find what is wrong and how to mend it (exit code 1: errors)')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>();
      refuseServer(command, options);
      const status = new StatusLine(session.io.stderr, session.printer);
      status.show('Checking this machine');
      try {
        const { examine } = await import('../doctor/examine.js');
        const findings = await examine(options, session, options.online === true);
        session.print(resultOf(findings, session));
      } finally {
        status.clear();
      }
    });
  addExample(command, 'lamina doctor --json');
}

function resultOf(findings: readonly Finding[], { io, printer }: Session): CommandResult {
  const shown = (text: string) => withTilde(text, io.env);
  const checks = findings.flatMap(({ id, summary, problems }) =>
    problems.length === 0
      ? [{ id, status: 'ok', detail: shown(summary) }]
      : problems.map(({ status, detail, fix }) => ({
          id,
          status,
          detail: shown(detail),
          ...(fix === undefined ? {} : { fix: shown(fix) }),
        })),
  );
  const count = (status: Status) => checks.filter((check) => check.status === status).length;
  const errors = count('error');
  const sums = countedFaults({ errors, warnings: count('warning') });
  const titles = Math.max(...findings.map(({ title }) => width(title)));
  return {
    json: { checks },
    text: [
      ...findings.map((finding) => textOf(finding, titles, { io, printer })),
      '',
      sums.length === 0 ? 'No problems found.' : sums.join(', '),
    ].join('\n'),
    code: errors > 0 ? 1 : 0,
  };
}

/** One line for the area, and below it what is wrong; a single problem is on the line itself. */
function textOf(
  { title, summary, problems }: Finding,
  titles: number,
  { io, printer: { style } }: Pick<Session, 'io' | 'printer'>,
): string {
  const lines = (text: string, first: string, start: number) =>
    first + wrapAt(start, withShortPaths(text, io.env), io.stdout.columns);
  const fixOf = (fix: string | undefined) =>
    fix === undefined ? [] : [lines(fix, `${indent}${style.cyan('fix')}  `, indent.length + 5)];
  const [first, ...others] = problems;
  const mark = first === undefined ? style.green('[✓]') : markOf(problems, style);
  const head = `${mark} ${title}${' '.repeat(titles - width(title))}  `;
  const start = 4 + titles + 2;
  if (first === undefined) return lines(summary, head, start);
  if (others.length === 0) return [lines(first.detail, head, start), ...fixOf(first.fix)].join('\n');
  return [
    lines(summary, head, start),
    ...problems.flatMap(({ detail, fix }) => [lines(detail, indent, indent.length), ...fixOf(fix)]),
  ].join('\n');
}

function markOf(problems: Finding['problems'], style: Session['printer']['style']): string {
  return problems.some(({ status }) => status === 'error') ? style.red('[✗]') : style.yellow('[!]');
}
