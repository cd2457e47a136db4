// Edits models.yaml as people and their editors do: atomically, in place, in two writes, and sometimes with a
// mistake.
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { attempt, parseAnswer, pick, repeat, WrongResponse, type Chaos } from './context.js';
import { models } from './models.js';
import { keys } from './settings.js';

const applyTimeoutMs = 15_000;
const pollMs = 200;
/** The model whose options change. */
const changingModel = 'cleo';

/** Entries of the manifest for other models than those of the run: downloads added by the server. */
type Entries = Record<string, unknown>;

/** Edits the manifest repeatedly; each edit must take effect. */
export class ManifestEditor {
  private readonly path: string;
  private count = 0;
  private cycleIsDue = false;
  private others: Entries = {};
  private fewerChunks = false;

  constructor(private readonly chaos: Chaos) {
    this.path = join(chaos.modelsDir, 'models.yaml');
  }

  /** Writes the first manifest. */
  writeFirst(): void {
    writeFileSync(this.path, this.render({}));
  }

  /** One edit after the other. */
  run(): Promise<void> {
    const often = [this.writeAtomically, this.writeAtomically, this.writeInPlace, this.writeMistake];
    const ways = [...often, ...often, this.writeInTwoHalves];
    return repeat(this.chaos, 10_000, async () => {
      const end = this.chaos.disturbances.begin('edit');
      const { fewerChunks } = this;
      try {
        await (this.cycleIsDue ? this.cyclic() : pick(this.chaos, ways).call(this));
        const endOptions =
          fewerChunks === this.fewerChunks ? undefined : this.chaos.disturbances.begin('options', changingModel);
        await this.expectApplied();
        endOptions?.();
      } finally {
        end();
      }
    });
  }

  /** The next edit writes an anchor that contains itself, and then a valid file. */
  writeCycleNext(): void {
    this.cycleIsDue = true;
  }

  private async cyclic(): Promise<void> {
    this.cycleIsDue = false;
    const cycle = '  loop: &loop\n    path: ada.gguf\n    options: { again: *loop }\n';
    await this.mistaken((text) => text + cycle, 'a file with an anchor that contains itself');
  }

  private writeAtomically(): Promise<void> {
    this.chaos.tally.countDisturbance('edit by rename');
    this.change();
    return Promise.resolve();
  }

  private writeInPlace(): Promise<void> {
    this.chaos.tally.countDisturbance('edit in place');
    this.change(undefined, (text) => writeFileSync(this.path, text));
    return Promise.resolve();
  }

  private async writeInTwoHalves(): Promise<void> {
    this.chaos.tally.countDisturbance('edit in two halves');
    const end = this.chaos.disturbances.begin('half a file');
    let rest = '';
    this.change(undefined, (text) => {
      const half = Math.floor(text.length / 2);
      rest = text.slice(half);
      writeFileSync(this.path, text.slice(0, half));
    });
    await delay(20 + this.chaos.random() * 80);
    writeFileSync(this.path, rest, { flag: 'a' });
    await delay(300);
    // The server may have written back the half that it read: people check the file after an edit and save
    // again.
    this.change();
    end();
  }

  private writeMistake(): Promise<void> {
    const mistakes: readonly ((text: string) => string)[] = [
      (text) => `${text}  broken: [1, 2\n`,
      (text) => text.replace('"path":', '"path":['),
      (text) => `${text}  ada: {}\n`,
      (text) => `${text}\u0000`,
      () => 'models: 7\n',
    ];
    return this.mistaken(pick(this.chaos, mistakes), 'an invalid file');
  }

  private async mistaken(mistake: (text: string) => string, what: string): Promise<void> {
    const end = this.chaos.disturbances.begin('invalid file');
    this.chaos.tally.countDisturbance(what);
    this.change(mistake);
    if (this.chaos.random() < 0.5 && (await this.reload()))
      this.chaos.tally.check('invalid manifests that were accepted', 1, `${what}, ${this.count}`);
    await delay(300 + this.chaos.random() * 1000);
    this.replace(this.render(this.others)); // The server writes nothing into an invalid file.
    end();
  }

  /** The last edit gave `bea` a unique alias: it must resolve soon, and still be in the file. */
  private async expectApplied(): Promise<void> {
    const alias = this.alias();
    const client = 'edit is seen';
    if (this.chaos.random() < 0.5) await this.reload();
    await attempt(this.chaos, { client }, async (signal) => {
      for (const limit = Date.now() + applyTimeoutMs; ; await delay(pollMs)) {
        const lookup = { method: 'GET', path: `/models/${alias}`, key: keys.inference, signal };
        const { status, text } = await this.chaos.http.fetchText(this.chaos.server.url, lookup);
        if (status === 200) return;
        if (!readFileSync(this.path, 'utf8').includes(alias))
          throw new WrongResponse(`the server overwrote an edit made by hand (${alias})`);
        if (Date.now() > limit)
          throw new WrongResponse(
            `an edit is not seen after ${applyTimeoutMs / 1000} s (${alias}): ${text.slice(0, 200)}`,
          );
      }
    });
  }

  /** True when the server has applied the file as it is. */
  private async reload(): Promise<boolean> {
    this.chaos.tally.countDisturbance('POST reload');
    return attempt(this.chaos, { client: 'POST reload' }, async (signal) => {
      const { status, text } = await this.chaos.http.fetchText(this.chaos.server.url, {
        path: '/models/reload',
        key: keys.manage,
        signal,
      });
      parseAnswer(status, text);
    });
  }

  /** One edit of the file as it is now: made again when the server wrote it meanwhile, whose entry would be lost. */
  private change(alter = (text: string) => text, write = (text: string) => this.replace(text)): void {
    for (;;) {
      const before = this.stamp();
      const text = alter(this.text());
      if (this.stamp() === before) return write(text);
      this.chaos.tally.countDisturbance('edit made again because the server wrote meanwhile');
    }
  }

  private stamp(): string {
    const { ino, mtimeNs } = statSync(this.path, { bigint: true });
    return `${ino} ${mtimeNs}`;
  }

  private replace(text: string): void {
    writeFileSync(`${this.path}~`, text);
    renameSync(`${this.path}~`, this.path);
  }

  /** The next text, with the entries that the server wrote. */
  private text(): string {
    return this.render(this.entries());
  }

  private entries(): Entries {
    try {
      const { models: all = {} } = parse(readFileSync(this.path, 'utf8')) as { models?: Entries };
      this.others = Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith('dl-')));
    } catch {
      // Half a file: the previous text is written again.
    }
    return this.others;
  }

  /** Adds and removes aliases, changes options, writes comments. */
  private render(others: Entries): string {
    this.count += 1;
    const { random } = this.chaos;
    this.fewerChunks = random() < 0.3;
    const lines = models.map(({ name, entry }) => {
      const aliases = name === 'bea' ? [this.alias()] : random() < 0.5 ? [`${name}-too`] : [];
      const options =
        name === changingModel && this.fewerChunks ? { options: { ...(entry['options'] as object), chunks: 5 } } : {};
      return `  ${name}: ${JSON.stringify({ ...entry, ...options, aliases, description: `edit ${this.count}` })}`;
    });
    const rest = Object.entries(others).map(([name, entry]) => `  ${name}: ${JSON.stringify(entry)}`);
    return ['# Edited by hand', 'models:', ...lines, ...rest, ''].join('\n');
  }

  private alias(): string {
    return `bea-${this.count}`;
  }
}
