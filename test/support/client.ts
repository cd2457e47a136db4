// An HTTP client for tests: sends chats and reads the responses.
import { EventSourceParserStream } from 'eventsource-parser/stream';

/** The result of a streamed chat. */
export interface Streamed {
  readonly status: number;
  readonly text: string;
  /** Whether the stream ended with `[DONE]`. */
  readonly done: boolean;
  /** An error in place of the stream, or in it. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

/** Sends a chat and reads its stream to the end. `onText` receives each piece of text. */
export async function streamChat(
  url: string,
  body: object,
  options: { signal?: AbortSignal; onText?: (text: string) => void } = {},
): Promise<Streamed> {
  const response = await post(`${url}/v1/chat/completions`, { ...body, stream: true }, options.signal);
  if (!response.ok)
    return {
      status: response.status,
      text: '',
      done: false,
      error: ((await response.json()) as { error: Streamed['error'] }).error,
    };
  let text = '';
  let done = false;
  let error: Streamed['error'];
  try {
    for await (const { data } of response
      .body!.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())) {
      if (data === '[DONE]') {
        done = true;
        continue;
      }
      const chunk = JSON.parse(data) as {
        error?: Streamed['error'];
        choices?: { delta: { content?: string | null } }[];
      };
      error ??= chunk.error;
      const piece = chunk.choices?.[0]?.delta.content ?? '';
      text += piece;
      if (piece !== '') options.onText?.(piece);
    }
  } catch (broken) {
    if (options.signal?.aborted === true || error === undefined) throw broken;
  }
  return { status: response.status, text, done, error };
}

/** A POST with a JSON body. */
export function post(url: string, body?: object, signal?: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** A chat request with one message. */
export function chatBody(model: string, content = 'hi', more: object = {}): object {
  return { model, messages: [{ role: 'user', content }], ...more };
}
