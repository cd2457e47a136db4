// The events of a stream as a client gets them: changed by plugins, without the usage that only Lamina asked for.
import { LaminaError } from '../contract/errors.js';
import type { JsonObject } from '../contract/schema.js';
import { isMapping, parseJson } from '../kernel/json.js';
import type { ChunkChanges } from '../kernel/response-transforms.js';
import { EventSplitter, maxEventLength } from './event-splitter.js';

const lineFeed = 0x0a;
const emptyChoices = /"choices"\s*:\s*\[\s*\]/;

/** Changes the events of one stream. What is not changed passes byte for byte. */
export class EventChanges {
  readonly #splitter = new EventSplitter();
  readonly #changes: ChunkChanges | undefined;
  readonly #withholdsUsage: boolean;
  /** Whether the events have names, as those of the routes `messages` and `responses`. */
  #areNamed = false;
  #isEnded = false;

  constructor(changes: ChunkChanges | undefined, withholdsUsage: boolean) {
    this.#changes = changes;
    this.#withholdsUsage = withholdsUsage;
  }

  /** What to send now. */
  feed(bytes: Buffer): Buffer[] {
    if (this.#changes === undefined && this.#isPlain(bytes)) return [bytes];
    const parts = this.#splitter.feed(bytes).flatMap((event) => this.#change(event));
    if (this.#splitter.rest.length > maxEventLength)
      throw new LaminaError('NOT_SUPPORTED', {
        message: `The engine sent an event of more than ${maxEventLength} bytes.`,
      });
    return parts;
  }

  /** What to send when the engine has ended its answer. */
  end(): Buffer[] {
    const { rest } = this.#splitter;
    return [...this.#endChunks(), ...(rest.length === 0 ? [] : [rest])];
  }

  /** Whether these are whole events without usage: then nothing is to be withheld, and nothing is split. */
  #isPlain(bytes: Buffer): boolean {
    const { length } = bytes;
    const isWhole =
      this.#splitter.rest.length === 0 && bytes[length - 1] === lineFeed && bytes[length - 2] === lineFeed;
    return isWhole && !bytes.includes('"usage"');
  }

  #change(event: Buffer): Buffer[] {
    if (this.#changes === undefined && !event.includes('"usage"')) return [event];
    const text = event.toString();
    if (this.#withholdsUsage && emptyChoices.test(text) && isUsageOnly(readEvent(text).json)) return [];
    if (this.#changes === undefined) return [event];
    const { json, isEnd, others, isNamed } = readEvent(text);
    this.#areNamed ||= isNamed;
    if (isEnd) return [...this.#endChunks(), event];
    // An error is for the client as it is.
    if (json === undefined || isMapping(json['error'])) return [event];
    const chunks = this.#changes.each(json);
    if (chunks.length === 1 && chunks[0] === json) return [event];
    return chunks.map((chunk, index) => this.#write(chunk, index === 0 ? others : []));
  }

  #endChunks(): Buffer[] {
    if (this.#changes === undefined || this.#isEnded) return [];
    this.#isEnded = true;
    return this.#changes.end().map((chunk) => this.#write(chunk, []));
  }

  /** `others`: the lines of the event that are neither its data nor its name. */
  #write(chunk: JsonObject, others: readonly string[]): Buffer {
    const name = this.#areNamed && typeof chunk['type'] === 'string' ? [`event: ${chunk['type']}`] : [];
    return Buffer.from([...others, ...name, `data: ${JSON.stringify(chunk)}`, '', ''].join('\n'));
  }
}

interface ReadEvent {
  readonly json: JsonObject | undefined;
  /** True for the `[DONE]` of OpenAI's API. */
  readonly isEnd: boolean;
  readonly isNamed: boolean;
  readonly others: readonly string[];
}

function readEvent(text: string): ReadEvent {
  const data: string[] = [];
  const others: string[] = [];
  let isNamed = false;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    else if (line.startsWith('event:')) isNamed = true;
    else if (line !== '') others.push(line);
  }
  const joined = data.join('\n');
  const json = parseJson(joined);
  return { json: isMapping(json) ? (json as JsonObject) : undefined, isEnd: joined === '[DONE]', isNamed, others };
}

function isUsageOnly(json: JsonObject | undefined): boolean {
  const choices = json?.['choices'];
  return Array.isArray(choices) && choices.length === 0 && isMapping(json?.['usage']);
}
