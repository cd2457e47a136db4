// The tables of hooks and events agree with the code and the documentation.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hookTable, type HookName } from '@lamina/core';
import { eventSchemas } from '@lamina/core/protocol';
import { reserved } from './support/reserved.js';
import { root } from './support/root.js';
import { sources } from './support/sources.js';

/** The sources without those that declare or implement hooks and events. */
const otherSources = sources.filter(
  ({ path }) => !/core\/src\/(contract\/|testing\/|kernel\/(?:hooks|event-bus)\.ts)/.test(path),
);
/** A page of docs/ without the spaces that align its tables. */
const page = (name: string) => readFileSync(join(root, 'docs', name), 'utf8').replace(/ {2,}\|/g, ' |');

describe('hooks', () => {
  const names = Object.keys(hookTable) as HookName[];
  const sections = new Map(
    page('hooks.md')
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.split('\n', 1)[0]!, section]),
  );

  it('are all run or reserved', () => {
    const isRun = (name: string) => otherSources.some(({ text }) => new RegExp(`\\b${name}\\b`).test(text));
    assert.deepEqual(
      names.filter((name) => !isRun(name)),
      Object.keys(reserved.hooks),
    );
  });

  it('are all in docs/hooks.md, in order', () => assert.deepEqual([...sections.keys()], names));

  for (const name of names) {
    it(`${name} has its type, failure policy, timing, limit, description and signature there`, () => {
      const { type, onFailure, before, after, limitMs } = hookTable[name];
      const section = sections.get(name)!;
      assert.match(section, /\n\n[A-Z].*\.[*_]?\n\n\| Type \| On failure \| Previous step \| Next step \| Limit \|\n/);
      assert.ok(
        section.includes(
          `| \`${type}\` | ${onFailure} | ${before} | ${after} | ${limitMs < 1000 ? `${limitMs} ms` : `${limitMs / 1000} s`} |`,
        ),
        section,
      );
      assert.match(section, new RegExp(`\`\`\`ts\\n${name}\\([^]*context: Context,?\\s*\\): .*;\\n\`\`\``));
    });
  }
});

describe('events', () => {
  const types = Object.keys(eventSchemas);

  it('are all emitted or reserved', () => {
    const isEmitted = (type: string) =>
      type === 'plugin.failed' || otherSources.some(({ text }) => text.includes(`'${type}'`));
    assert.deepEqual(
      types.filter((type) => !isEmitted(type)),
      Object.keys(reserved.events),
    );
  });

  it('are named noun.verb and have a description', () => {
    for (const [type, { description }] of Object.entries(eventSchemas)) {
      assert.match(type, /^[a-z]+\.[a-z]+$/);
      assert.match(description, /^[A-Z].*\.$/, type);
    }
  });

  it('are all in docs/events.md', () => {
    assert.deepEqual(
      [...page('events.md').matchAll(/^\| `([a-z.]+)` \|/gm)].map(([, type]) => type),
      types,
    );
  });
});
