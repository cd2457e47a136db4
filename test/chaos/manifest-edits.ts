// Edits models.yaml as people and their editors do: in one step, in place, in two halves, and sometimes with a mistake.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { attempt, parseAnswer, pick, repeat, Wrong, type Chaos } from './context.js';
import { models } from './models.js';
import { keys } from './settings.js';

const seenMs = 15_000;
const pollMs = 200;

/** Entries of the manifest that are not of the run's own models: downloads that the server wrote. */
type Entries = Record<string, unknown>;

/** Edits the manifest again and again; each edit must be seen. */
export class ManifestEditor {
  private readonly path: string;
  private count = 0;
  private cycleIsDue = false;
  private others: Entries = {};

  constructor(private readonly chaos: Chaos) {
    this.path = join(chaos.modelsDir, 'models.yaml');
  }

  /** Writes the first manifest. */
  writeFirst(): void {
    writeFileSync(this.path, this.render({}));
  }

  /** One edit after the other. */
  run(): Promise<void> {
    const often = [this.inOneStep, this.inOneStep, this.inPlace, this.withMistake];
    const ways = [...often, ...often, this.inTwoHalves];
    return repeat(this.chaos, 4000, async () => {
      const end = this.chaos.disturbances.begin('edit');
      try {
        await (this.cycleIsDue ? this.cyclic() : pick(this.chaos, ways).call(this));
        await this.expectSeen();
      } finally {
        end();
      }
    });
  }

  /** The next edit writes an anchor that contains itself, and then a good file. */
  writeCycleNext(): void {
    this.cycleIsDue = true;
  }

  private async cyclic(): Promise<void> {
    this.cycleIsDue = false;
    await this.mistaken(
      `${this.text()}  loop: &loop\n    path: ada.gguf\n    options: { again: *loop }\n`,
      'a file with an anchor that contains itself',
    );
  }

  private inOneStep(): Promise<void> {
    this.chaos.tally.did('edit by rename');
    this.replace(this.text());
    return Promise.resolve();
  }

  private inPlace(): Promise<void> {
    this.chaos.tally.did('edit in place');
    writeFileSync(this.path, this.text());
    return Promise.resolve();
  }

  private async inTwoHalves(): Promise<void> {
    this.chaos.tally.did('edit in two halves');
    const text = this.text();
    const half = Math.floor(text.length / 2);
    const end = this.chaos.disturbances.begin('half a file');
    writeFileSync(this.path, text.slice(0, half));
    await delay(20 + this.chaos.random() * 80);
    writeFileSync(this.path, text.slice(half), { flag: 'a' });
    await delay(300);
    // The server may have written the half it saw: whoever edits by hand looks, and saves again.
    this.replace(this.text());
    end();
  }

  private withMistake(): Promise<void> {
    const text = this.text();
    const mistakes = [
      `${text}  broken: [1, 2\n`,
      text.replace('path:', 'path: ['),
      `${text}  ada: {}\n`,
      `${text}\u0000`,
      'models: 7\n',
    ];
    return this.mistaken(pick(this.chaos, mistakes), 'an invalid file');
  }

  private async mistaken(text: string, what: string): Promise<void> {
    const before = this.entries();
    const end = this.chaos.disturbances.begin('invalid file');
    this.chaos.tally.did(what);
    this.replace(text);
    if (this.chaos.random() < 0.5) await this.reload();
    await delay(300 + this.chaos.random() * 1000);
    this.replace(this.render(before));
    end();
  }

  /** The last edit gave `bea` an alias of its own: it resolves soon, and is still in the file. */
  private async expectSeen(): Promise<void> {
    const alias = this.alias();
    const client = 'edit is seen';
    if (this.chaos.random() < 0.5) await this.reload();
    await attempt(this.chaos, { client }, async (signal) => {
      for (const limit = Date.now() + seenMs; ; await delay(pollMs)) {
        const ask = { method: 'GET', path: `/models/${alias}`, key: keys.inference, signal };
        const { status, text } = await this.chaos.http.ask(this.chaos.server.url, ask);
        if (status === 200) return;
        if (!readFileSync(this.path, 'utf8').includes(alias))
          throw new Wrong(`the server overwrote an edit made by hand (${alias})`);
        if (Date.now() > limit)
          throw new Wrong(`an edit is not seen after ${seenMs / 1000} s (${alias}): ${text.slice(0, 200)}`);
      }
    });
  }

  private async reload(): Promise<void> {
    this.chaos.tally.did('POST reload');
    await attempt(this.chaos, { client: 'POST reload' }, async (signal) => {
      const { status, text } = await this.chaos.http.ask(this.chaos.server.url, {
        path: '/models/reload',
        key: keys.manage,
        signal,
      });
      parseAnswer(status, text);
    });
  }

  private replace(text: string): void {
    writeFileSync(`${this.path}~`, text);
    renameSync(`${this.path}~`, this.path);
  }

  /** The next text; what the server wrote into the file stays. */
  private text(): string {
    return this.render(this.entries());
  }

  private entries(): Entries {
    try {
      const { models: all = {} } = parse(readFileSync(this.path, 'utf8')) as { models?: Entries };
      this.others = Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith('dl-')));
    } catch {
      // Half a file: what was there before is written again.
    }
    return this.others;
  }

  /** Aliases come and go, options change, comments are written. */
  private render(others: Entries): string {
    this.count += 1;
    const { random } = this.chaos;
    const lines = models.map(({ name, entry }) => {
      const aliases = name === 'bea' ? [this.alias()] : random() < 0.5 ? [`${name}-too`] : [];
      const options = name === 'cleo' && random() < 0.3 ? { options: { parallel: 2 } } : {};
      return `  ${name}: ${JSON.stringify({ ...entry, ...options, aliases, description: `edit ${this.count}` })}`;
    });
    const rest = Object.entries(others).map(([name, entry]) => `  ${name}: ${JSON.stringify(entry)}`);
    return ['# Edited by hand', 'models:', ...lines, ...rest, ''].join('\n');
  }

  private alias(): string {
    return `bea-${this.count}`;
  }
}
