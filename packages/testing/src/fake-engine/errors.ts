// Error responses of a fake engine.
import type { ServerResponse } from 'node:http';
import type { Behaviour } from './behaviour.js';

/** A request that the engine rejects; the message is sent to the client. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Sends an error in the format that the behaviour selects. */
export function sendRefusal(response: ServerResponse, { status, message }: Refusal, behaviour: Behaviour): void {
  sendJson(
    response,
    status,
    behaviour.errors === 'json_in_string' ? inString(status, message) : openAi(status, message),
  );
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}

function openAi(status: number, message: string): object {
  return { error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', code: status } };
}

/** MLC-LLM encodes its errors twice, but not the one for a wrong key. */
function inString(status: number, message: string): unknown {
  return status === 401 ? { detail: message } : JSON.stringify({ object: 'error', message, code: status });
}
