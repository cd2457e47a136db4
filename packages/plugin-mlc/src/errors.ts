// Converts the errors of MLC-LLM to those of OpenAI.
import { LaminaError, type Model, type WireError } from '@lamina/core/plugin';

/** A failed check of a request in its responses. */
interface Check {
  readonly loc?: readonly (string | number)[];
  readonly msg?: string;
}

/**
 * Its own errors are JSON inside a JSON string; those of the framework below it are `{ detail }`, a sentence or a list
 * of failed checks. A prompt that is too long is `context_length_exceeded`, embeddings without an embedding model are
 * `NOT_SUPPORTED`. `undefined` for anything else.
 */
export function readError(
  status: number,
  body: Buffer,
  { model, route }: { model: Model; route: string },
): WireError | LaminaError | undefined {
  if (status === 404 && route === 'embeddings' && model.options['embedding_model'] === undefined) {
    const message = `Model "${model.name}" does not serve embeddings. Set "embedding_model" in its options.`;
    return new LaminaError('NOT_SUPPORTED', { message, model: model.name });
  }
  const said = parse(body.toString('utf8'));
  const { message, detail } = (typeof said === 'string' ? parse(said) : said) as {
    message?: unknown;
    detail?: unknown;
  };
  if (typeof message === 'string') return tooLong(message) ?? { message, type: typeOf(status), code: typeOf(status) };
  if (typeof detail === 'string') return { message: detail, type: typeOf(status), code: typeOf(status) };
  return Array.isArray(detail) && detail.length > 0 ? refused(detail as Check[]) : undefined;
}

function tooLong(message: string): WireError | undefined {
  const match = /has (\d+) tokens in total, larger than the model input length limit (\d+)/.exec(message);
  if (match === null) return undefined;
  return {
    message,
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
    details: { prompt_tokens: Number(match[1]), context_length: Number(match[2]) },
  };
}

function refused(checks: readonly Check[]): WireError {
  const fields = checks.map(({ loc = [] }) => loc.filter((part) => part !== 'body').join('.'));
  const message = checks
    .map(({ msg = 'is not valid' }, index) => (fields[index] === '' ? msg : `${fields[index]}: ${msg}`))
    .join('; ');
  return {
    message,
    type: 'invalid_request_error',
    code: 'invalid_request_error',
    ...(fields[0] === '' ? {} : { param: fields[0]! }),
  };
}

function typeOf(status: number): string {
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

function parse(text: string): unknown {
  try {
    return (JSON.parse(text) as unknown) ?? {};
  } catch {
    return {};
  }
}
