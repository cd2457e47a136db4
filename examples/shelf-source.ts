// A plugin for a source of models: a web server with an index.json that lists its files by the names of the models.
import { definePlugin, LaminaError, type Source, type SourceContext } from '@lamina/core/plugin';

type Index = Readonly<Record<string, { readonly file: string; readonly bytes: number; readonly sha256: string }>>;

export function shelfSource(url: string): Source {
  const readIndex = async ({ fetch, signal }: SourceContext): Promise<Index> => {
    const response = await fetch(`${url}/index.json`, { signal });
    if (!response.ok)
      throw new LaminaError('SOURCE_UNREACHABLE', { message: `${url} responded with ${response.status}.` });
    return (await response.json()) as Index;
  };
  return {
    name: 'shelf',
    async resolve(reference, context) {
      if (typeof reference !== 'string' || !reference.startsWith('shelf:')) return undefined;
      const index = await readIndex(context);
      const model = index[reference.slice('shelf:'.length)];
      if (model === undefined)
        throw new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: url, reference, hint: `Open ${url}/index.json.` });
      const { file, bytes, sha256 } = model;
      return { source: 'shelf', reference, model: {}, files: [{ path: file, bytes, sha256, from: { key: file } }] };
    },
    locate: ({ path }) => Promise.resolve({ url: `${url}/${encodeURIComponent(path)}` }),
    async search({ text, limit }, context) {
      const models = Object.entries(await readIndex(context)).filter(([name]) => name.includes(text));
      return models.slice(0, limit).map(([name, { bytes }]) => ({ reference: `shelf:${name}`, bytes }));
    },
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
