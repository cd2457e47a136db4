// Maps peers of llama-swap to backends of the type `remote`.
import type { ImportNote, ModelEntry } from '@lamina/core';
import { mapFilters } from './filters.js';
import type { ModelMapper } from './models.js';
import type { SwapPeer } from './schema.js';

/** A peer as it is written, before its macros are replaced: a key must not get into the manifest. */
export interface WrittenPeer {
  readonly apiKey?: unknown;
}

/** Adds the models of peers. Local models have precedence, and a name that several peers have stands for none of them. */
export function addPeers(
  peers: Readonly<Record<string, SwapPeer>>,
  written: Readonly<Record<string, WrittenPeer>>,
  mapper: ModelMapper,
  hasPresets: boolean,
): void {
  const local = new Set(Object.entries(mapper.models).flatMap(([name, { aliases = [] }]) => [name, ...aliases]));
  const offered = Object.values(peers).flatMap(({ models }) => models);
  for (const [id, { proxy, models, filters = {}, ...rest }] of Object.entries(peers)) {
    const backend = mapper.freeBackendName(id);
    const key = keyVariable(id, written[id]?.apiKey);
    mapper.backends[backend] = {
      type: 'remote',
      base_url: `${proxy.replace(/\/+$/, '')}/v1`,
      ...(key === undefined ? {} : { api_key_env: key.variable }),
    };
    if (key?.isNew === true)
      mapper.notes.push({
        what: `peers.${id}.apiKey`,
        message: `Keys are not written into the manifest. Set the environment variable ${key.variable} for Lamina.`,
      });
    mapper.notes.push(...otherKeys(id, rest));
    for (const model of models) {
      const full = `${id}/${model}`;
      const isUnique = !local.has(model) && offered.filter((one) => one === model).length === 1;
      const { parameters, notes } = mapFilters(model, filters, `peers.${id}.filters`, hasPresets);
      const entry: ModelEntry = {
        backend,
        ...(isUnique ? { aliases: [full] } : { options: { id: model } }),
        ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
      };
      mapper.models[isUnique ? model : full] = entry;
      if (model === models[0]) mapper.notes.push(...notes);
    }
  }
}

function otherKeys(id: string, rest: object): readonly ImportNote[] {
  return Object.keys(rest)
    .filter((key) => key !== 'apiKey')
    .map((key) => ({ what: `peers.${id}.${key}`, message: 'A remote has no such setting in Lamina.' }));
}

/** The environment variable with the key of a peer: the one it names, or a new one for a key that is written out. */
function keyVariable(id: string, apiKey: unknown): { variable: string; isNew: boolean } | undefined {
  if (typeof apiKey !== 'string' || apiKey === '') return undefined;
  const [, variable] = /^\$\{env\.(\w+)\}$/.exec(apiKey) ?? [];
  if (variable !== undefined) return { variable, isNew: false };
  return { variable: `${id.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}_API_KEY`, isNew: true };
}
