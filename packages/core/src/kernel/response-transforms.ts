// What the taps of the hook transformResponse want to change of one answer, and the changes made in the order of the taps.
import type { ChunkTransform, ResponseTransforms } from '../contract/response-transforms.js';
import type { JsonObject } from '../contract/schema.js';
import { freeze } from './freeze.js';
import { isMapping } from './json.js';

type BodyChange = (body: JsonObject) => JsonObject;

/** Collects what the taps of one answer ask for. */
export class TransformCollector implements ResponseTransforms {
  readonly #chunks: ChunkTransform[] = [];
  readonly #bodies: BodyChange[] = [];

  constructor(readonly isStream: boolean) {}

  chunks(transform: ChunkTransform): void {
    this.#chunks.push(transform);
  }

  body(change: BodyChange): void {
    this.#bodies.push(change);
  }

  /** What one tap receives. `guard` runs a function of the tap, and names the plugin in what it throws. */
  forTap(guard: <T>(run: () => T) => T): ResponseTransforms {
    return Object.freeze({
      isStream: this.isStream,
      chunks: (transform) =>
        this.chunks({
          each: (chunk) => guard(() => requireSynchronous(transform.each(chunk))),
          end: () => guard(() => requireSynchronous(transform.end?.() ?? [])),
        }),
      body: (change) => this.body((body) => guard(() => requireObject(change(body)))),
    } satisfies ResponseTransforms);
  }

  /** The changes of the chunks of a stream; `undefined` when no tap asked for any. */
  get chunkChanges(): ChunkChanges | undefined {
    return this.#chunks.length === 0 ? undefined : new ChunkChanges(this.#chunks);
  }

  /** The change of a body; `undefined` when no tap asked for one. */
  get bodyChange(): BodyChange | undefined {
    if (this.#bodies.length === 0) return undefined;
    return (body) => this.#bodies.reduce((changed, change) => change(freeze(changed)), body);
  }
}

/** The changes of the chunks of one stream. */
export class ChunkChanges {
  constructor(private readonly transforms: readonly ChunkTransform[]) {}

  /** What becomes of a chunk: itself, where no tap changes it. */
  each(chunk: JsonObject): readonly JsonObject[] {
    return this.#from(0, [chunk]);
  }

  /** What the taps have held back. What an earlier one returns passes the later ones. */
  end(): readonly JsonObject[] {
    return this.transforms.flatMap(({ end }, index) => this.#from(index + 1, end?.() ?? []));
  }

  #from(first: number, chunks: readonly JsonObject[]): readonly JsonObject[] {
    let current = chunks;
    for (const { each } of this.transforms.slice(first))
      current = current.flatMap((chunk) => each(freeze(chunk)) ?? []);
    return current;
  }
}

/** @throws Error for a promise */
export function requireSynchronous<T>(answer: T): T {
  if (answer instanceof Promise) throw new Error('it returned a promise; this hook is synchronous');
  return answer;
}

function requireObject(body: JsonObject): JsonObject {
  if (!isMapping(requireSynchronous(body))) throw new Error('it must return the body, changed or not');
  return body;
}
