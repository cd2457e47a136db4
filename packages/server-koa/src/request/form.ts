// Reads multipart forms: finds the model that a form names, and renames it.
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { LaminaError, reasonOf } from '@lamina/core';

/** The most parts of a form; OpenAI's routes have about ten. */
const partLimit = 1_000;

/** True for a multipart form, which may contain files. */
export function isForm(contentType: string | undefined): contentType is string {
  return /^\s*multipart\/form-data\s*(;|$)/i.test(contentType ?? '');
}

/** Finds the field `model` in a form that arrives piece by piece. Files are skipped. */
export class FormReader {
  readonly #parser: BusboyInstance;
  readonly #ended: Promise<void>;
  #model: string | undefined;
  #problem: LaminaError | undefined;

  /** @throws LaminaError `REQUEST_INVALID` when the content type has no boundary */
  constructor(contentType: string) {
    const parser = createParser(contentType);
    this.#parser = parser;
    this.#ended = new Promise((resolve) => {
      const refuse = (problem: LaminaError): void => {
        this.#problem ??= problem;
        resolve();
      };
      parser.on('field', (name, value) => {
        if (name === 'model') this.#model ??= value;
      });
      parser.on('partsLimit', () => refuse(invalid(`The form has more than ${partLimit} parts.`)));
      parser.on('error', (error) => refuse(notValid(error)));
      parser.on('finish', resolve);
    });
  }

  /** @throws LaminaError `REQUEST_INVALID` for a form that is not valid, or has too many parts */
  write(piece: Buffer): void {
    if (this.#problem !== undefined) throw this.#problem;
    this.#parser.write(piece); // What it has not parsed yet is in memory anyway.
  }

  /** The field `model`, once the whole form has been written. @throws LaminaError as {@link FormReader.write} */
  async end(): Promise<string | undefined> {
    this.#parser.end();
    await this.#ended;
    if (this.#problem !== undefined) throw this.#problem;
    return this.#model;
  }
}

/** The same bytes with another value of the field `model`. */
export async function renamedForm(bytes: Buffer, contentType: string, model: string): Promise<Buffer> {
  const delimiter = `--${boundaryOf(contentType)}`;
  const pieces: Buffer[] = [];
  let kept = 0;
  for (const { start, end } of partsOf(bytes, delimiter)) {
    const reader = new FormReader(contentType);
    reader.write(
      Buffer.concat([Buffer.from(delimiter), bytes.subarray(start, end), Buffer.from(`\r\n${delimiter}--`)]),
    );
    if ((await reader.end()) === undefined) continue;
    pieces.push(bytes.subarray(kept, bytes.indexOf(headerEnd, start) + headerEnd.length), Buffer.from(model));
    kept = end;
  }
  return Buffer.concat([...pieces, bytes.subarray(kept)]);
}

const headerEnd = '\r\n\r\n';

/** Where the parts of a form are: between two delimiters, without them (RFC 2046, 5.1.1). */
function* partsOf(bytes: Buffer, delimiter: string): Generator<{ start: number; end: number }> {
  let at = bytes.indexOf(delimiter);
  while (at >= 0) {
    const start = at + delimiter.length;
    const end = bytes.indexOf(`\r\n${delimiter}`, start);
    if (end < 0) return;
    yield { start, end };
    at = end + 2;
  }
}

// It is read as leniently as by the parser: Java's clients, for example, do not quote one with equals signs.
function boundaryOf(contentType: string): string {
  const [, quoted, plain = ''] = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^;]*))/i.exec(contentType) ?? [];
  return quoted ?? plain.trim();
}

function createParser(contentType: string): BusboyInstance {
  try {
    return new Busboy({ headers: { 'content-type': contentType.trim() }, limits: { parts: partLimit } });
  } catch (error) {
    throw notValid(error);
  }
}

function notValid(error: unknown): LaminaError {
  return invalid(`The body is not a valid form: ${reasonOf(error)}.`);
}

function invalid(message: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message });
}
