// /suggest, and operations on the models as a whole: reload, validate, remove.
import {
  check,
  describeProblems,
  LaminaError,
  slotOf,
  suggestionView,
  validationView,
  type Lamina,
  type ModelRecord,
  type ModelsChange,
  type SuggestRequest,
} from '@lamina/core';
import { eventSchemas, type ReloadView, type RemovalView } from '@lamina/core/protocol';
import type { Router, RouterContext } from '@koa/router';
import { requireKey } from '../middleware/authentication.js';
import { readObject, type BodyLimits } from '../request/body.js';
import { disconnectSignal } from '../request/disconnect-signal.js';

const querySchema = { type: 'object', properties: { state: eventSchemas['model.state'].properties.to } } as const;

/** Adds the routes. */
export function libraryRoutes(router: Router, lamina: Lamina, limits: BodyLimits): void {
  router.post('/suggest', async (ctx) => {
    requireKey(ctx);
    const request = ((await readObject(ctx.req, limits)) ?? {}) as SuggestRequest;
    ctx.body = suggestionView(lamina, await lamina.suggestions.suggest(request, { signal: disconnectSignal(ctx) }));
  });
  router.post('/models/reload', async (ctx) => {
    requireKey(ctx, 'manage');
    ctx.body = { ...(await reload(lamina)), total: lamina.models.list().length } satisfies ReloadView;
  });
  router.post('/models/validate', async (ctx) => {
    requireKey(ctx);
    const names = namesIn(((await readObject(ctx.req, limits)) ?? {})['models']);
    const checks = await lamina.models.validate(names, { signal: disconnectSignal(ctx) });
    ctx.body = validationView(checks, lamina.models.diagnostics(names));
  });
  router.delete('/models/*name', async (ctx) => {
    requireKey(ctx, 'manage');
    const { model, served } = lamina.models.resolve(ctx.params['name'] ?? '');
    const files = ctx.query['files'] === '1' || ctx.query['files'] === 'true';
    // An adapter shares the server of its base, which may still be needed.
    if (model === served) await lamina.runtime.stop(model.name, { reason: 'removed' });
    ctx.body = { removed: model.name, ...(await lamina.models.remove(model.name, { files })) } satisfies RemovalView;
  });
}

/**
 * The records that match a query of `GET /models`: `state`, `format`, and `q` for a part of the name or the description.
 * @throws LaminaError `REQUEST_INVALID` for an unknown state
 */
export function matchingModels(
  lamina: Lamina,
  records: readonly ModelRecord[],
  query: RouterContext['query'],
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

function namesIn(models: unknown): readonly string[] | undefined {
  if (models === undefined) return undefined;
  if (Array.isArray(models) && models.every((name) => typeof name === 'string')) return models;
  throw new LaminaError('REQUEST_INVALID', { message: 'The field "models" must be a list of names.', param: 'models' });
}
