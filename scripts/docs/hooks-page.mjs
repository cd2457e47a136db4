// docs/hooks.md, from the table of hooks and their signatures.
import { hookTable } from '@lamina/core';
import { hookSignatures } from './hook-signatures.mjs';
import { madeFrom, notYet, page, table } from './markdown.mjs';
import { reserved } from './reserved.mjs';

const types = {
  AsyncParallelHook: 'All taps run at once.',
  AsyncSeriesHook: 'Taps run one after another.',
  AsyncSeriesBailHook: 'Taps run one after another until one answers; its answer counts.',
  AsyncSeriesWaterfallHook: 'Taps run one after another; what one answers, the next is given.',
  SyncBailHook:
    'Taps run one after another until one answers; its answer counts. A tap answers at once, without a promise.',
};
const failures = {
  stop: 'The call that ran the hook fails: with the LaminaError the tap threw, else with `PLUGIN_FAILED`.',
  isolate: 'It is logged and told as `plugin.failed`, and things go on as if the tap had answered nothing.',
};

export function hooksPage() {
  const signatures = hookSignatures();
  return page(
    '# Hooks',
    madeFrom('`hookTable` and `HookSignatures` in packages/core/src/contract/hooks.ts'),
    'A plugin has a say in what Lamina does by tapping a hook in its `setup`:',
    '```ts\nlamina.hooks.beforeStart.tap((options, model, backend, { signal, log }) => ({ ...options, threads: 4 }));\n```',
    "A tap may answer with a promise, unless its hook is synchronous. Arguments are frozen: answer with a changed copy. `undefined` keeps what is, `null` is a fault. The last argument holds a signal, aborted when the limit has passed or nobody waits any more, and the log of the plugin. Taps run in the order of their `stage` (`tap(run, { stage })`, default 0), then in the order of the plugins; core's own come last where the first answer counts. After a plugin is closed its taps are silent.",
    table(
      ['type', 'how its taps run'],
      Object.entries(types).map(([type, text]) => [`\`${type}\``, text]),
    ),
    table(
      ['when a tap fails', 'what happens'],
      Object.entries(failures).map(([word, text]) => [word, text]),
    ),
    'Before and After say what has just happened when a hook runs, and what comes next; the limit is for one tap.',
    ...Object.entries(hookTable).map(([name, row]) => section(name, row, signatures.get(name))),
  );
}

function section(name, { type, onFailure, before, after, limitMs }, { signature, text }) {
  const limit = limitMs < 1000 ? `${limitMs} ms` : `${limitMs / 1000} s`;
  const facts = table(
    ['Type', 'On failure', 'Before', 'After', 'Limit'],
    [[`\`${type}\``, onFailure, before, after, limit]],
  );
  return [`## ${name}`, `${text}${notYet(reserved.hooks[name])}`, facts, `\`\`\`ts\n${signature}\n\`\`\``].join('\n\n');
}
