// The routes of a loaded model, by its purpose.
import { chat } from './chat.js';
import { complete } from './completion.js';
import { embed } from './embeddings.js';
import type { Engine } from './engine.js';
import { RequestError } from './errors.js';
import type { Routes } from './http.js';

/** Additional facts in `GET /v1/models`, for the plugin that started the engine. */
export interface EngineFacts {
  readonly context_length: number;
  readonly parallel: number;
  readonly endpoints: readonly string[];
  readonly tools: boolean;
}

export function routesOf(engine: Engine): Routes {
  const { generator, embedder, name } = engine;
  const working: Routes = {
    ...(generator === undefined
      ? {}
      : {
          'POST /v1/chat/completions': (body, reply) => chat(engine, generator, body, reply),
          'POST /v1/completions': (body, reply) => complete(engine, generator, body, reply),
        }),
    ...(embedder === undefined ? {} : { 'POST /v1/embeddings': (body, reply) => embed(engine, embedder, body, reply) }),
  };
  const facts: EngineFacts = {
    context_length: generator?.sequences.contextLength ?? embedder?.contextLength ?? 0,
    parallel: generator?.sequences.total ?? 1,
    endpoints: Object.keys(working).map((route) => route.replace('POST /v1/', '')),
    tools: generator?.prompts.takesTools ?? false,
  };
  return {
    'GET /health': (_body, reply) => reply.json({ status: 'ok', busy: generator?.sequences.busy ?? 0 }),
    'GET /v1/models': (_body, reply) =>
      reply.json({
        object: 'list',
        data: [{ id: name, object: 'model', created: 0, owned_by: 'lamina', meta: facts }],
      }),
    ...working,
    ...refusals(engine),
  };
}

/** What the other option `embeddings` would serve. */
function refusals({ generator, name }: Engine): Routes {
  const [routes, embeddings]: [string[], boolean] =
    generator === undefined ? [['chat/completions', 'completions'], false] : [['embeddings'], true];
  return Object.fromEntries(
    routes.map((route) => [
      `POST /v1/${route}`,
      () => {
        const message = `Model "${name}" does not serve ${route}. Set "embeddings: ${embeddings}" in its options.`;
        throw new RequestError(501, message, { code: 'NOT_SUPPORTED' });
      },
    ]),
  );
}
