// The routes with which the page shows prompts and answers.
import { LaminaError } from '@lamina/core/plugin';
import type { HttpRoute } from '@lamina/server-koa';
import type { Capture } from './capture.js';

const string = { type: 'string' } as const;
const text = {
  type: 'object',
  properties: { text: string, cut: { type: 'boolean', description: 'There was more than is kept.' } },
  required: ['text', 'cut'],
} as const;

const listSchema = {
  type: 'object',
  properties: {
    on: { type: 'boolean', description: 'Whether prompts and answers are kept: the option `capture`.' },
    requests: { type: 'array', items: string, description: 'The ids of the requests, the oldest first.' },
  },
  required: ['on', 'requests'],
} as const;

const requestSchema = {
  type: 'object',
  properties: {
    prompt: {
      type: 'array',
      description: 'The messages, or the one text of a completion, whose role is `prompt`.',
      items: { ...text, properties: { role: string, ...text.properties }, required: ['role', ...text.required] },
    },
    omitted_messages: { type: 'integer', description: 'How many messages before these are not kept.' },
    reasoning: text,
    answer: text,
    tool_calls: { ...text, description: 'One call a line: its name, and its arguments as JSON.' },
  },
  required: ['prompt', 'omitted_messages', 'reasoning', 'answer', 'tool_calls'],
} as const;

/** The routes. @param capture `undefined` when it is off */
export function captureRoutes(capture: Capture | undefined): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/ui/capture',
      scope: 'manage',
      summary: 'Whether prompts and answers are kept, and of which requests',
      response: listSchema,
      handler: () => ({ on: capture !== undefined, requests: capture?.list() ?? [] }),
    },
    {
      method: 'GET',
      path: '/ui/capture/:request',
      scope: 'manage',
      summary: 'The prompt and the answer of a request',
      response: requestSchema,
      handler: ({ koa, params }) => {
        const request = capture?.get(params['request']!);
        if (request !== undefined) return request.view();
        const { method, path } = koa;
        const hint = 'The prompt and the answer of this request are not kept.';
        throw new LaminaError('ROUTE_NOT_FOUND', { method, path, hint });
      },
    },
  ];
}
