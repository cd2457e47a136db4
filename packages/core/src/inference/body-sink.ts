// Collects an answer that is one JSON body, for a request of this process.
import { LaminaError } from '../contract/errors.js';
import type { ResponseSink } from '../contract/inference.js';
import type { JsonObject } from '../contract/schema.js';
import { isMapping, parseJson } from '../kernel/json.js';

/** The longest body, in bytes: some 10,000 embeddings of 4096 numbers. */
const maxBodyBytes = 512 * 1024 * 1024;

/** Collects a body. */
export class BodySink implements ResponseSink {
  headersSent = false;
  writableEnded = false;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** `model` is named in errors. */
  constructor(private readonly model: string) {}

  writeHead(): void {
    this.headersSent = true;
  }

  flushHeaders(): void {} // Nobody waits for the head.

  write(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > maxBodyBytes) throw this.#failure(`its answer has more than ${maxBodyBytes} bytes`);
    this.#chunks.push(chunk);
    return true;
  }

  once(): void {} // It never asks to wait.

  end(): void {
    this.writableEnded = true;
  }

  /** @throws LaminaError `MODEL_SERVER_UNREACHABLE` when it is not a JSON object */
  json(): JsonObject {
    const json = parseJson(Buffer.concat(this.#chunks).toString());
    if (isMapping(json)) return json as JsonObject;
    throw this.#failure('its answer is not a JSON object');
  }

  #failure(reason: string): LaminaError {
    return new LaminaError('MODEL_SERVER_UNREACHABLE', { model: this.model, reason });
  }
}
