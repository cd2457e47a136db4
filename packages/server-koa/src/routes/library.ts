// /suggest, and operations on the models as a whole: reload, validate, remove.
import {
  slotOf,
  suggestionView,
  validationView,
  type FromSchema,
  type Lamina,
  type ModelRecord,
  type ModelsChange,
  type Schema,
  type SuggestRequest,
} from '@lamina/core';
import {
  reloadViewSchema,
  removalViewSchema,
  slotStateSchema,
  suggestionViewSchema,
  suggestRequestSchema,
  validateRequestSchema,
  validationViewSchema,
  type ReloadView,
  type RemovalView,
} from '@lamina/core/protocol';
import type { HttpRoute, RouteServices } from './route.js';

/** Which models to list. */
export const modelFilterSchema = {
  type: 'object',
  properties: {
    state: { ...slotStateSchema, description: 'Only models in this state.' },
    format: { type: 'string', description: 'Only models of this format.' },
    q: { type: 'string', description: 'Only models with this part in their name or description.' },
  },
} as const satisfies Schema;

const removalQuerySchema = {
  type: 'object',
  properties: { files: { type: 'string', description: '`1` or `true`: deletes its files too.' } },
} as const;

/** The routes. */
export function libraryRoutes({ lamina }: RouteServices): HttpRoute[] {
  return [
    {
      method: 'POST',
      path: '/suggest',
      scope: 'any',
      summary: 'Suggests a model for a purpose',
      body: suggestRequestSchema,
      response: suggestionViewSchema,
      handler: async ({ body, signal }) =>
        suggestionView(lamina, await lamina.suggestions.suggest(body as SuggestRequest, { signal })),
    },
    {
      method: 'POST',
      path: '/models/reload',
      scope: 'manage',
      summary: 'Reloads the manifest and scans the models directory',
      response: reloadViewSchema,
      handler: async () => ({ ...(await reload(lamina)), total: lamina.models.list().length }) satisfies ReloadView,
    },
    {
      method: 'POST',
      path: '/models/validate',
      scope: 'any',
      summary: 'Checks the manifest and the files of models',
      body: validateRequestSchema,
      response: validationViewSchema,
      async handler({ body, signal }) {
        const { models: names } = body as FromSchema<typeof validateRequestSchema>;
        const checks = await lamina.models.validate(names, { signal });
        return validationView(checks, lamina.models.diagnostics(names));
      },
    },
    {
      method: 'DELETE',
      path: '/models/*name',
      scope: 'manage',
      summary: 'Removes a model from the manifest; with `?files=1` also its files',
      query: removalQuerySchema,
      response: removalViewSchema,
      async handler({ koa, params }) {
        const { model, served } = lamina.models.resolve(params['name']!);
        const files = koa.query['files'] === '1' || koa.query['files'] === 'true';
        // An adapter shares the server of its base, which may still be needed.
        if (model === served) await lamina.runtime.stop(model.name, { reason: 'removed' });
        return { removed: model.name, ...(await lamina.models.remove(model.name, { files })) } satisfies RemovalView;
      },
    },
  ];
}

/** The records that match a filter. */
export function matchingModels(
  lamina: Lamina,
  records: readonly ModelRecord[],
  { state, format, q = '' }: FromSchema<typeof modelFilterSchema>,
): readonly ModelRecord[] {
  const part = q.toLowerCase();
  return records.filter((record) => {
    const { model, entry } = record;
    if (format !== undefined && model.format !== format) return false;
    if (part !== '' && !`${model.name}\n${entry.description ?? ''}`.toLowerCase().includes(part)) return false;
    return state === undefined || slotOf(lamina, record).state === state;
  });
}

/** Reloads the models, and returns what changed. */
async function reload(lamina: Lamina): Promise<ModelsChange> {
  let change: ModelsChange = { added: [], changed: [], removed: [] };
  const stop = lamina.models.onChange((changed) => (change = changed));
  try {
    await lamina.models.reload();
    return change;
  } finally {
    stop();
  }
}
