// Counts the outcome of each request and prints a table; keeps the details of the first faults.

/** The outcome of a request. The last three must not occur. */
export type Outcome = 'right' | 'refused' | 'cut by the kill' | 'cancelled' | 'wrong' | 'lost' | 'INTERNAL';

const outcomes: readonly Outcome[] = ['right', 'refused', 'cut by the kill', 'cancelled', 'wrong', 'lost', 'INTERNAL'];
const faulty: ReadonlySet<string> = new Set(['wrong', 'lost', 'INTERNAL']);
const mostShown = 60;

/** The printed details of a fault. */
export interface Fault {
  /** Seconds since the start of the run. */
  readonly at: number;
  readonly what: string;
  readonly detail: string;
}

/** The counters of one run. */
export class Tally {
  readonly faults: Fault[] = [];
  private readonly began = performance.now();
  private readonly clients = new Map<string, Map<string, number>>();
  private readonly notes: string[] = [];
  private readonly refusals = new Map<string, number>();
  private readonly done = new Map<string, number>();
  private readonly checks = new Map<string, { count: number; note: string }>();

  /** Seconds since the start of the run. */
  get seconds(): number {
    return (performance.now() - this.began) / 1000;
  }

  /** Counts a sent request of a kind of client. */
  requestSent(client: string): void {
    this.add(this.row(client), 'asked');
  }

  /** Counts the outcome of a request. The detail of a fault is kept. */
  requestEnded(client: string, outcome: Outcome, detail = ''): void {
    this.add(this.row(client), outcome);
    if (outcome === 'refused') this.add(this.refusals, detail);
    if (faulty.has(outcome)) this.fault(`${client}: ${outcome}`, detail);
  }

  /** Counts a disturbance of the server. */
  countDisturbance(what: string): void {
    this.add(this.done, what);
  }

  /** The result of a check of the server: the number of faults of this kind, which must be 0. */
  check(what: string, count: number, note = ''): void {
    const before = this.checks.get(what);
    this.checks.set(what, { count: (before?.count ?? 0) + count, note: note || (before?.note ?? '') });
    if (count > 0) this.fault(what, note);
  }

  /** Prints a line of the result. */
  note(text: string): void {
    this.notes.push(text);
  }

  /** True when all counters that must be 0 are 0. */
  get clean(): boolean {
    const rows = [...this.clients.values()];
    const checked = [...this.checks.values()].every(({ count }) => count === 0);
    return checked && rows.every((row) => unanswered(row) === 0 && [...faulty].every((name) => !row.get(name)));
  }

  print(): void {
    const header = ['client', 'asked', ...outcomes];
    const row = (name: string, counts: ReadonlyMap<string, number>) => [
      name,
      ...['asked', ...outcomes].map((column) =>
        String((counts.get(column) ?? 0) + (column === 'lost' ? unanswered(counts) : 0)),
      ),
    ];
    const total = new Map<string, number>();
    for (const counts of this.clients.values())
      for (const [name, count] of counts) total.set(name, (total.get(name) ?? 0) + count);
    printTable([
      header,
      ...[...this.clients].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, counts]) => row(name, counts)),
      row('all', total),
    ]);
    printTable([
      ['check of the server (must be 0)', 'found', 'note'],
      ...[...this.checks].map(([what, { count, note }]) => [what, String(count), firstLine(note)]),
    ]);
    console.log(`Done to it: ${listed(this.done)}`);
    console.log(`Refused with the right error: ${listed(this.refusals)}`);
    for (const note of this.notes) console.log(note);
    for (const { at, what, detail } of this.faults.slice(0, mostShown))
      console.log(`FAULT ${at.toFixed(1)} s  ${what}  ${detail}`);
    if (this.faults.length > mostShown) console.log(`… and ${this.faults.length - mostShown} more faults`);
  }

  private fault(what: string, detail: string): void {
    this.faults.push({ at: this.seconds, what, detail: detail.replaceAll('\n', ' ⏎ ').slice(0, 500) });
  }

  private row(client: string): Map<string, number> {
    let row = this.clients.get(client);
    if (row === undefined) this.clients.set(client, (row = new Map()));
    return row;
  }

  private add(counts: Map<string, number>, name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

/** Requests without an outcome: lost as well. */
function unanswered(counts: ReadonlyMap<string, number>): number {
  return (counts.get('asked') ?? 0) - outcomes.reduce((sum, outcome) => sum + (counts.get(outcome) ?? 0), 0);
}

function listed(counts: ReadonlyMap<string, number>): string {
  return (
    [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none'
  );
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.slice(0, 120);
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const isNumber = (text: string) => /^\d+$/.test(text);
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      isNumber(cell) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
    );
    console.log(cells.join('  ').trimEnd());
  }
  console.log('');
}
