// A source that can be searched, without a network: it finds one model, whose name is the text of the search.
import type { Source, SourceContext } from '@lamina/core/plugin';
import type { Plugin } from '@lamina/core';

/** The plugin; `asked` gets the context of each search. */
export function shelfPlugin(asked: (context: SourceContext) => unknown = () => undefined): Plugin {
  const source: Source = {
    name: 'shelf',
    resolve: () => Promise.resolve(undefined),
    locate: () => Promise.reject(new Error('it has no files')),
    async search({ text, limit }, context) {
      await asked(context);
      const updatedAt = '2026-01-31T12:00:00.000Z';
      const found = { downloads: 1200, likes: 3, updatedAt, formats: ['gguf'], bytes: 5_000_000, gated: true };
      return [{ reference: `shelf:${text}`, description: `one of ${limit}`, ...found }];
    },
  };
  return { name: 'shelf-source', setup: (lamina) => lamina.addSource(source) };
}
