// `POST /api/copy` and `DELETE /api/delete`.
import { LaminaError, type ModelEntry } from '@lamina/core/plugin';
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { askedName, findModel, requireModel } from './names.js';

const text = { type: 'string' } as const;

/** The routes. */
export const editRoutes: readonly HttpRoute[] = [
  {
    method: 'POST',
    path: '/api/copy',
    scope: 'manage',
    summary: "Adds the entry of a model under another name, in Ollama's API",
    body: {
      type: 'object',
      properties: { source: { ...text, minLength: 1 }, destination: { ...text, minLength: 1 } },
      required: ['source', 'destination'],
    },
    handler: copy,
  },
  {
    method: 'DELETE',
    path: '/api/delete',
    scope: 'manage',
    summary: "Stops a model and deletes its entry and its files, in Ollama's API",
    body: { type: 'object', properties: { model: text, name: text } },
    handler: remove,
  },
];

async function remove({ lamina, body }: HttpContext): Promise<string> {
  const { name, record } = requireModel(lamina.models, askedName(body as { model?: string; name?: string }));
  const { model, entry } = record;
  if (name !== model.name) {
    await lamina.models.save(model.name, { ...entry, aliases: model.aliases.filter((alias) => alias !== name) });
    return '';
  }
  // An adapter or a preset shares the server of another model, which may still be needed.
  if ((model.base ?? model.of) === undefined) await lamina.runtime.stop(model.name, { reason: 'removed' });
  const { kept } = await lamina.models.remove(model.name, { files: true });
  if (lamina.models.get(model.name) !== undefined) {
    const reason = kept.length > 0 ? kept.join('; ') : 'it is not in models.yaml, but a plugin offers it';
    throw new LaminaError('CONFLICT', { message: `"${model.name}" was not deleted: ${reason}.` });
  }
  return '';
}

async function copy({ lamina, body }: HttpContext): Promise<string> {
  const { source, destination } = body as { source: string; destination: string };
  const { record } = requireModel(lamina.models, source);
  if (findModel(lamina.models, destination) !== undefined)
    throw new LaminaError('CONFLICT', {
      message: `"${destination}" already exists and will not be overwritten. Delete it first, or choose another name.`,
    });
  const { aliases: _aliases, ...entry } = record.entry;
  await lamina.models.save(destination, entry as ModelEntry);
  return '';
}
