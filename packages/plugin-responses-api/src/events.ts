// The events of a response, in their order: one item is open at a time, and none is opened again.
import { LaminaError, type ChatPart, type Clock, type Usage, type WireError } from '@lamina/core/plugin';
import type { ResponsesBody } from './body.js';
import { responseError } from './errors.js';
import { itemFor, MessageItem, newId, type ItemEvent, type OutputItem } from './items.js';
import { responseObject, type ResponseState } from './response.js';

/** An event of the stream. `response` is that of the events about the whole response. */
export interface ResponseEvent extends ItemEvent {
  readonly sequence_number: number;
  readonly response?: object;
}

/** How a chat ended. */
interface ChatEnd {
  readonly finishReason: string | undefined;
  readonly usage: Usage | undefined;
}

/** Why engines stop early → the reason in the response. */
const incompleteReasons: ReadonlyMap<string | undefined, string> = new Map([
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
]);

/** Makes the events of one response from the parts of a chat. */
export class ResponseEvents {
  readonly #id = newId('resp');
  readonly #createdAt: number;
  /** Complete items. */
  readonly #done: object[] = [];
  /** The calls that have begun, by their index. */
  readonly #calls = new Set<number>();
  #item: OutputItem | undefined;
  #count = 0;

  constructor(
    private readonly body: ResponsesBody,
    private readonly clock: Clock,
  ) {
    this.#createdAt = this.#now();
  }

  /** The items so far; the last one may be incomplete. */
  get output(): readonly object[] {
    return this.#item === undefined ? this.#done : [...this.#done, this.#item.whole('incomplete')];
  }

  /** The first events; none when the response has begun. */
  *begin(): Generator<ResponseEvent, void> {
    if (this.#count > 0) return;
    yield this.#about('created', {}, 'in_progress');
    yield this.#about('in_progress', {});
  }

  /** The events for a part. @throws LaminaError `ENGINE_REFUSED` for a piece of a tool call that has ended */
  *add(part: ChatPart): Generator<ResponseEvent, void> {
    yield* this.begin();
    if (this.#item?.continuesWith(part) !== true) {
      yield* this.#complete();
      yield* this.#open(itemFor(part), part);
    }
    yield* this.#ofItem(this.#item!.add(part));
  }

  /** The last events. */
  *end({ finishReason, usage }: ChatEnd): Generator<ResponseEvent, void> {
    yield* this.begin();
    if (this.output.length === 0) yield* this.#open(new MessageItem()); // Clients take a response without one for a fault.
    const incompleteReason = incompleteReasons.get(finishReason);
    if (incompleteReason !== undefined) {
      yield* this.#cutOff();
      yield this.#about('incomplete', { incompleteReason, usage });
      return;
    }
    yield* this.#complete();
    yield this.#about('completed', { usage, completedAt: this.#now() });
  }

  /** The last event when the engine failed. */
  failed(error: WireError): ResponseEvent {
    return this.#about('failed', { error: responseError(error) });
  }

  *#open(item: OutputItem, part?: ChatPart): Generator<ResponseEvent, void> {
    if (part?.type === 'tool_call') this.#beginCall(part);
    this.#item = item;
    yield this.#event({ type: 'response.output_item.added', item: item.whole('in_progress') });
    yield* this.#ofItem(item.open());
  }

  #beginCall({ index, name }: Extract<ChatPart, { type: 'tool_call' }>): void {
    if (this.#calls.has(index))
      throw new LaminaError('ENGINE_REFUSED', {
        message: `The engine continued its call of "${name}" after it had begun another part. Set "parallel_tool_calls" to false.`,
      });
    this.#calls.add(index);
  }

  *#complete(): Generator<ResponseEvent, void> {
    const item = this.#item;
    if (item === undefined) return;
    yield* this.#ofItem(item.close());
    yield this.#event({ type: 'response.output_item.done', item: item.whole('completed') });
    this.#done.push(item.whole('completed'));
    this.#item = undefined;
  }

  /** A call that is cut off has no end, because clients run a call that has one. */
  *#cutOff(): Generator<ResponseEvent, void> {
    const item = this.#item;
    if (item === undefined || item.whole('incomplete')['type'] === 'function_call') return;
    yield* this.#ofItem(item.close());
    yield this.#event({ type: 'response.output_item.done', item: item.whole('incomplete') });
  }

  /** An event about the whole response. */
  #about(
    name: ResponseState['status'] | 'created',
    state: Omit<Partial<ResponseState>, 'status'>,
    status = name as ResponseState['status'],
  ): ResponseEvent {
    const identity = { id: this.#id, createdAt: this.#createdAt, output: this.output };
    return this.#numbered({
      type: `response.${name}`,
      response: responseObject(this.body, { ...identity, ...state, status }),
    });
  }

  #ofItem(events: readonly ItemEvent[]): ResponseEvent[] {
    const { id: item_id } = this.#item!;
    return events.map((event) => this.#event({ ...event, item_id }));
  }

  /** An event about the current item. */
  #event(event: ItemEvent): ResponseEvent {
    return this.#numbered({ ...event, output_index: this.#done.length });
  }

  #numbered({ type, ...fields }: ItemEvent): ResponseEvent {
    return { type, sequence_number: this.#count++, ...fields };
  }

  #now(): number {
    return Math.floor(this.clock.date().getTime() / 1000);
  }
}
