// GET /models/:name/logs: what the engine of a model printed.
import type { FromSchema } from '@lamina/core';
import { engineLogLineSchema, engineLogViewSchema, type EngineLogView } from '@lamina/core/protocol';
import type { HttpRoute, RouteServices } from './route.js';

const number = { type: 'string', pattern: '^\\d{1,15}$' } as const;

const logsQuerySchema = {
  type: 'object',
  properties: {
    lines: { ...number, description: 'At most so many of the kept lines, the newest; default: all, up to 1,000.' },
    after: { ...number, description: 'Only the lines after the one with this number.' },
    follow: {
      type: 'string',
      description:
        '`true`: sends the lines, and then each new one, as server-sent events with their numbers as ids; with the header Last-Event-ID, those after that number.',
    },
  },
} as const;

/** The route. */
export function logRoutes({ lamina, closing }: RouteServices): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/models/*name/logs',
      scope: 'manage',
      summary: 'What the engine of a model printed last, or as it prints it',
      query: logsQuerySchema,
      content: {
        response: { 'application/json': engineLogViewSchema, 'text/event-stream': engineLogLineSchema },
      },
      async handler({ koa, params, signal, stream }) {
        const { lines, after, follow } = koa.query as FromSchema<typeof logsQuerySchema>;
        const last = after ?? /^\d{1,15}$/.exec(koa.get('last-event-id'))?.[0];
        const range = {
          ...(lines === undefined ? {} : { limit: Number(lines) }),
          ...(last === undefined ? {} : { after: Number(last) }),
        };
        const model = params['name']!;
        if (follow !== 'true' && follow !== '1')
          return { lines: lamina.logs.lines(model, range) } satisfies EngineLogView;
        const followed = lamina.logs.follow(model, { ...range, signal: AbortSignal.any([signal, closing]) });
        await stream(eventsOf(followed), { as: 'sse', onSilence: () => ': waiting\n\n' });
        return undefined;
      },
    },
  ];
}

/** Begins with a comment, so that the client has the head at once. */
async function* eventsOf(lines: AsyncIterable<{ readonly number: number }>): AsyncGenerator<string> {
  yield ': log of an engine\n\n';
  for await (const line of lines) yield `id: ${line.number}\ndata: ${JSON.stringify(line)}\n\n`;
}
