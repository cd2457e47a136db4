// The behaviour of a fake engine, correct or faulty; these are the options of a fake model in models.yaml.
import type { FromSchema } from '@lamina/core/plugin';

const flag = { type: 'boolean' } as const;
const milliseconds = { type: 'number', minimum: 0 } as const;
const count = { type: 'integer', minimum: 0 } as const;

/** The schema of {@link Behaviour}. `POST /fake/behaviour` changes any of it while the engine runs. */
export const behaviourSchema = {
  type: 'object',
  properties: {
    chunks: {
      type: 'integer',
      minimum: 1,
      description:
        'Chunks of an answer; default 5. The text is `<model>: 1 2 3 4`. With `/count` in the last message it never ends.',
    },
    reasoning: { type: 'string', description: 'It thinks this, in one chunk of a streamed chat, before it answers.' },
    chunk_ms: { ...milliseconds, description: 'Time before each chunk; default 0.' },
    chunk_bytes: { ...count, description: 'Each chunk is filled up with dots to so many bytes.' },
    load_ms: { ...milliseconds, description: 'Time until it is ready; default 0.' },
    while_loading: {
      enum: ['unavailable', 'refused'],
      description:
        '`unavailable`: it listens and answers 503, as llama-server; `refused`: it does not listen yet, as vLLM and MLC-LLM. Default `unavailable`.',
    },
    exit_code: { ...count, description: 'It ends with this code when its load time is over, instead of being ready.' },
    stderr: { type: 'array', items: { type: 'string' }, description: 'Lines it prints at the start.' },
    no_health: { ...flag, description: 'It has no /health, as MLC-LLM.' },
    hang_health: { ...flag, description: 'Once it has said that it is ready, /health is never answered again.' },
    ready_early: { ...flag, description: '/health and /v1/models say that it is ready while it still loads.' },
    any_key: { ...flag, description: 'It takes any key.' },
    ids: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      description:
        'The model ids it has; others are answered with 404. Default: the name it was given, and it does not look at the one in a request.',
    },
    crash: {
      enum: ['before_header', 'mid_stream', 'after_answer'],
      description:
        'It dies when it gets a request: before it answers, after `crash_chunks` chunks, or after the answer.',
    },
    crash_chunks: { ...count, description: 'Default 2.' },
    once: {
      type: 'string',
      description: '`crash` and `exit_code` happen only while there is no file at this path; it is made when they do.',
    },
    cut_chunks: { ...count, description: 'It closes the connection after so many chunks, and lives on.' },
    wrong_length: { ...flag, description: 'An answer that is not streamed promises more bytes than it has.' },
    content_type: { type: 'string', description: 'The content type of its streams; default `text/event-stream`.' },
    at_once: { ...flag, description: 'It sends a stream when the whole response is generated.' },
    host: { type: 'string', description: 'The address it listens on; default 127.0.0.1.' },
    no_done: { ...flag, description: 'Streams end without `[DONE]`.' },
    keep_generating: { ...flag, description: 'It does not notice that a client left.' },
    status: {
      type: 'integer',
      minimum: 400,
      maximum: 599,
      description: 'Every inference request is answered with this error.',
    },
    errors: {
      enum: ['openai', 'json_in_string'],
      description: "How errors look: OpenAI's way, or JSON inside a JSON string, as MLC-LLM. Default `openai`.",
    },
    refuse_user: { ...flag, description: 'A request with `user` in it is an error.' },
    sigterm: {
      enum: ['exits', 'waits', 'ignored'],
      description:
        'On SIGTERM it ends at once, waits until its clients have left (as llama-server), or does nothing. Default `exits`.',
    },
    grandchild: {
      enum: ['in_group', 'own_group'],
      description: 'It starts a child that it never ends, in its own process group or in another.',
    },
    context_length: {
      ...count,
      description: 'Tells its context length; default 4096. Its memory estimate grows with it.',
    },
    parallel: {
      type: 'integer',
      minimum: 1,
      description: 'Requests it computes at once, which it also reports; the others wait. Default: all.',
    },
    memory_bytes: {
      ...count,
      description: 'What the memory estimate says, instead of one made from the context length.',
    },
  },
  additionalProperties: false,
} as const;

/** The behaviour of a fake engine; a healthy one needs no option. */
export type Behaviour = FromSchema<typeof behaviourSchema>;
