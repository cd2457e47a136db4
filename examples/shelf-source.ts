// A plugin for a source of models: a web server with an index.json that lists its files by the names of the models.
import { definePlugin, LaminaError, type Source } from '@lamina/core/plugin';

type Index = Readonly<Record<string, { readonly file: string; readonly bytes: number; readonly sha256: string }>>;

export function shelfSource(url: string): Source {
  return {
    name: 'shelf',
    async resolve(reference, { fetch, signal }) {
      if (typeof reference !== 'string' || !reference.startsWith('shelf:')) return undefined;
      const response = await fetch(`${url}/index.json`, { signal });
      if (!response.ok)
        throw new LaminaError('SOURCE_UNREACHABLE', { message: `${url} responded with ${response.status}.` });
      const index = (await response.json()) as Index;
      const model = index[reference.slice('shelf:'.length)];
      if (model === undefined)
        throw new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: url, reference, hint: `Open ${url}/index.json.` });
      const { file, bytes, sha256 } = model;
      return { source: 'shelf', reference, model: {}, files: [{ path: file, bytes, sha256, from: { key: file } }] };
    },
    locate: ({ path }) => Promise.resolve({ url: `${url}/${encodeURIComponent(path)}` }),
  };
}

export const shelf = definePlugin({
  name: 'shelf-source',
  options: {
    type: 'object',
    properties: { url: { type: 'string' } },
    required: ['url'],
    additionalProperties: false,
  },
  setup: (lamina, { url }) => lamina.addSource(shelfSource(url)),
});
