// /suggest, and operations on the models as a whole: reload, validate, remove.
import {
  check,
  describeProblems,
  LaminaError,
  slotOf,
  suggestionView,
  validationView,
  type FromSchema,
  type Lamina,
  type ModelRecord,
  type ModelsChange,
  type SuggestRequest,
} from '@lamina/core';
import {
  eventSchemas,
  suggestRequestSchema,
  validateRequestSchema,
  type ReloadView,
  type RemovalView,
} from '@lamina/core/protocol';
import type { Context } from 'koa';
import type { HttpRoute, RouteServices } from './route.js';

const querySchema = { type: 'object', properties: { state: eventSchemas['model.state'].properties.to } } as const;

/** The routes. */
export function libraryRoutes({ lamina }: RouteServices): HttpRoute[] {
  return [
    {
      method: 'POST',
      path: '/suggest',
      scope: 'any',
      summary: 'Suggests a model for a purpose',
      body: suggestRequestSchema,
      handler: async ({ body, signal }) =>
        suggestionView(lamina, await lamina.suggestions.suggest(body as SuggestRequest, { signal })),
    },
    {
      method: 'POST',
      path: '/models/reload',
      scope: 'manage',
      summary: 'Reloads the manifest and scans the models directory',
      handler: async () => ({ ...(await reload(lamina)), total: lamina.models.list().length }) satisfies ReloadView,
    },
    {
      method: 'POST',
      path: '/models/validate',
      scope: 'any',
      summary: 'Checks the manifest and the files of models',
      body: validateRequestSchema,
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

/**
 * The records that match a query of `GET /models`: `state`, `format`, and `q` for a part of the name or the description.
 * @throws LaminaError `REQUEST_INVALID` for an unknown state
 */
export function matchingModels(
  lamina: Lamina,
  records: readonly ModelRecord[],
  query: Context['query'],
): readonly ModelRecord[] {
  const problems = check(querySchema, query);
  if (problems.length > 0)
    throw new LaminaError('REQUEST_INVALID', {
      message: `The parameter ${describeProblems(problems)}.`,
      param: 'state',
    });
  const { state, format, q } = query;
  const part = String(q ?? '').toLowerCase();
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
