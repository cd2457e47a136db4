// The Grafana dashboard and the README name the metrics that exist, with their labels.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chat, startMetered, type MeteredServer } from './metered-server.js';
import type { Exposition } from './exposition-text.js';
import { startFileServer, type FileServer } from './file-server.js';

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

const home = join(import.meta.dirname, '..');
const { panels, templating } = JSON.parse(
  readFileSync(join(home, 'src', 'grafana-dashboard.json'), 'utf8'),
) as Dashboard;

/** What Prometheus itself adds. */
const ownLabels = ['job', 'instance', 'le'];

describe('the Grafana dashboard', () => {
  let server: MeteredServer;
  let files: FileServer;
  let exposition: Exposition;
  before(async () => {
    files = await startFileServer();
    server = await startMetered({ models: { tiny: {}, broken: { exit_code: 1 } } });
    const { lamina, post } = server;
    await post('chat/completions', chat('tiny', 'hi', { stream: true }));
    await post('chat/completions', chat('broken'));
    const { id } = await lamina.downloads.start({ name: 'file', reference: files.file });
    await lamina.downloads.wait(id, { signal: AbortSignal.timeout(10_000) });
    exposition = await server.metrics();
    await lamina.runtime.stop('tiny');
    const after = await server.metrics();
    exposition = { types: after.types, samples: [...exposition.samples, ...after.samples] };
  });
  after(async () => {
    await server.close();
    await files.close();
  });

  /** Name of a metric or sample → the labels it has. */
  const labelsOf = (name: string): ReadonlySet<string> | undefined => {
    const found = exposition.samples.filter((sample) => sample.name === name);
    return found.length === 0 ? undefined : new Set(found.flatMap(({ labels }) => Object.keys(labels)));
  };

  it('asks only for metrics and labels that exist', () => {
    const queries = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
    assert.ok(queries.length > 15);
    for (const { title, expr } of queries) {
      const selectors = [...expr.matchAll(/\b((?:lamina|process)_\w+)(?:\{([^}]*)\})?/g)];
      assert.ok(selectors.length > 0, `${title}: ${expr}`);
      for (const [, name, matchers = ''] of selectors) {
        const labels = labelsOf(name!) ?? assert.fail(`${title} asks for ${name}, which does not exist.`);
        const used = [...matchers.matchAll(/(\w+)=/g), ...expr.matchAll(/by \((\w+)(?:, (\w+))?\)/g)]
          .flatMap(([, ...names]) => names)
          .filter((label) => label !== undefined && !ownLabels.includes(label));
        for (const label of used) assert.ok(labels.has(label!), `${title}: ${name} has no label ${label}.`);
      }
    }
  });

  it('fills its variables from metrics that exist', () => {
    const definitions = templating.list.flatMap(({ definition }) => definition ?? []);
    assert.equal(definitions.length, 2);
    for (const definition of definitions) {
      const [, name, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition)!;
      const labels = labelsOf(name!) ?? assert.fail(`${name} does not exist.`);
      assert.ok(labels.has(label!) || ownLabels.includes(label!));
    }
  });

  it('shows every metric, and so does the README', () => {
    const text = JSON.stringify(panels);
    const readme = readFileSync(join(home, 'README.md'), 'utf8');
    for (const name of exposition.types.keys()) {
      assert.ok(readme.includes(`\`${name}\``), `The README lacks ${name}.`);
      if (name !== 'process_start_time_seconds' && name !== 'lamina_download_bytes_total')
        assert.ok(text.includes(name), `The dashboard lacks ${name}.`);
    }
  });
});
