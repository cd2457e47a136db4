// Generates docs/hooks.md from the table of hooks and their signatures.
import { hookTable } from '@lamina/core';
import { hookSignatures } from './hook-signatures.mjs';
import { generatedFrom, notYet, page, table } from './markdown.mjs';
import { reserved } from './reserved.mjs';

const types = {
  AsyncParallelHook: 'All taps run concurrently.',
  AsyncSeriesHook: 'Taps run one after another.',
  AsyncSeriesBailHook: 'Taps run one after another until one returns a value; that value is the result.',
  AsyncSeriesWaterfallHook: 'Taps run one after another; each receives the value of the one before.',
  SyncHook: 'Taps run one after another. They must not return a promise.',
  SyncBailHook:
    'Taps run one after another until one returns a value; that value is the result. Taps must not return a promise.',
};
const failures = {
  stop: 'The call that ran the hook fails with the LaminaError that the tap threw, or else with `PLUGIN_FAILED`.',
  isolate: 'The failure is logged and emitted as `plugin.failed`; the hook continues without this tap.',
};

export function hooksPage() {
  const signatures = hookSignatures();
  return page(
    '# Hooks',
    generatedFrom('`hookTable` and `HookSignatures` in packages/core/src/contract/hooks.ts'),
    'A plugin taps hooks in its `setup` to take part in decisions of Lamina:',
    '```ts\nlamina.hooks.beforeStart.tap((options, model, backend, { signal, log }) => ({ ...options, threads: 4 }));\n```',
    "A tap may return a promise unless its hook is synchronous. Arguments are frozen: return a changed copy. Return `undefined` to leave the value unchanged; `null` is an error. The last argument has a signal, which is aborted when the limit is reached or the result is no longer needed, and the log of the plugin. Taps run in the order of their `stage` (`tap(run, { stage })`, default 0), then in the order of the plugins. Where the first value is the result, core's own taps run last. The taps of a closed plugin do not run.",
    table(
      ['type', 'how taps run'],
      Object.entries(types).map(([type, text]) => [`\`${type}\``, text]),
    ),
    table(
      ['when a tap fails', 'what happens'],
      Object.entries(failures).map(([word, text]) => [word, text]),
    ),
    'The previous and the next step are what Lamina does around the hook. The limit applies to each tap.',
    ...Object.entries(hookTable).map(([name, row]) => section(name, row, signatures.get(name))),
  );
}

function section(name, { type, onFailure, before, after, limitMs }, { signature, text, example }) {
  const limit = limitMs < 1000 ? `${limitMs} ms` : `${limitMs / 1000} s`;
  const facts = table(
    ['Type', 'On failure', 'Previous step', 'Next step', 'Limit'],
    [[`\`${type}\``, onFailure, before, after, limit]],
  );
  const declaration = `\`\`\`ts\n${signature}\n\`\`\``;
  return [`## ${name}`, `${text}${notYet(reserved.hooks[name])}`, facts, declaration, example].join('\n\n');
}
