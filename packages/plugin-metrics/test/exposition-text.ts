// Reads the text format of Prometheus, and rejects what is not of its grammar.
import assert from 'node:assert/strict';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Types by metric, and all samples. */
export interface Exposition {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`;
const helpLine = new RegExp(String.raw`^# HELP (${name}) (?:[^\\]|\\[\\n])+$`);
const typeLine = new RegExp(`^# TYPE (${name}) (counter|gauge|histogram)$`);
const sampleLine = new RegExp(String.raw`^(${name})(?:\{((?:${label})(?:,${label})*)\})? (-?\d[\d.e+-]*)$`);
const escapes: Readonly<Record<string, string>> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

export function readExposition(text: string): Exposition {
  assert.ok(text.endsWith('\n'), 'The last line does not end.');
  const helps = new Set<string>();
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, help] = helpLine.exec(line) ?? [];
    const [, metric, type] = typeLine.exec(line) ?? [];
    if (help !== undefined) {
      assert.ok(!helps.has(help), `Two HELP lines of ${help}`);
      helps.add(help);
    } else if (metric !== undefined) {
      assert.ok(!types.has(metric), `Two TYPE lines of ${metric}`);
      types.set(metric, type!);
    } else samples.push(readSample(line));
  }
  for (const sample of samples) {
    const metric = types.has(sample.name) ? sample.name : sample.name.replace(/_(bucket|sum|count)$/, '');
    assert.ok(types.has(metric) && helps.has(metric), `${sample.name} has no TYPE or no HELP.`);
  }
  const ids = samples.map(({ name, labels }) => name + JSON.stringify(Object.entries(labels).sort()));
  assert.equal(new Set(ids).size, ids.length, 'A sample is there twice.');
  assertHistograms(types, samples);
  return { types, samples };
}

function readSample(line: string): Sample {
  const [, found, labels = '', value] = sampleLine.exec(line) ?? assert.fail(`Not a sample: ${line}`);
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [
    key!,
    text!.replace(/\\./g, (escape) => escapes[escape]!),
  ]);
  return { name: found!, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
}

/** Buckets never fall, and the last one has the count. */
function assertHistograms(types: ReadonlyMap<string, string>, samples: readonly Sample[]): void {
  for (const [metric] of [...types].filter(([, type]) => type === 'histogram')) {
    for (const { labels, value: count } of samples.filter(({ name }) => name === `${metric}_count`)) {
      const buckets = samples.filter(
        ({ name, labels: { le: _, ...rest } }) =>
          name === `${metric}_bucket` && JSON.stringify(rest) === JSON.stringify(labels),
      );
      const bounds = buckets.map(({ labels: { le } }) => (le === '+Inf' ? Infinity : Number(le)));
      const counts = buckets.map(({ value }) => value);
      assert.deepEqual(
        bounds,
        [...bounds].sort((a, b) => a - b),
      );
      assert.deepEqual(
        counts,
        [...counts].sort((a, b) => a - b),
      );
      assert.equal(bounds.at(-1), Infinity);
      assert.equal(counts.at(-1), count);
    }
  }
}

/** The sum of the samples of a metric that have these labels. */
export function sumOf({ samples }: Exposition, metric: string, labels: Readonly<Record<string, string>> = {}): number {
  return samples
    .filter(
      ({ name, labels: own }) => name === metric && Object.entries(labels).every(([key, text]) => own[key] === text),
    )
    .reduce((sum, { value }) => sum + value, 0);
}
