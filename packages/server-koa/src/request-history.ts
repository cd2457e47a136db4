// Keeps the last inference requests, for dashboards that connect later: what their events say, without prompts or answers.
import type { Lamina, LaminaEvent } from '@lamina/core';
import type { FinishedRequest, RequestsView, StartedRequest } from '@lamina/core/protocol';

/** How many finished requests are kept. */
const kept = 500;

/** The requests of one Lamina since it was created, until the signal is aborted. */
export class RequestHistory {
  readonly #running = new Map<string, StartedRequest>();
  readonly #finished: FinishedRequest[] = [];
  /** The id of the last finished request that is no longer kept. */
  #forgotten: string | undefined;

  constructor({ events }: Pick<Lamina, 'events'>, signal: AbortSignal) {
    const stops = [
      events.on('request.started', (event) => void this.#running.set(event.request, fieldsOf(event))),
      events.on('request.finished', (event) => this.#finish(fieldsOf(event))),
    ];
    const stop = (): void => stops.forEach((each) => each());
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  /** The requests under way, and those that finished after the one with the id `after`; without it all that are kept. */
  view(after?: string): RequestsView {
    const running = [...this.#running.values()];
    const from = this.#finished.findIndex(({ id }) => id === after) + 1;
    const complete = after === undefined || from > 0 || after === this.#forgotten;
    return { running, finished: this.#finished.slice(from), complete };
  }

  #finish(request: FinishedRequest): void {
    this.#running.delete(request.request);
    this.#finished.push(request);
    if (this.#finished.length > kept) this.#forgotten = this.#finished.shift()?.id;
  }
}

function fieldsOf<Type extends 'request.started' | 'request.finished'>({
  type: _,
  ...fields
}: LaminaEvent<Type>): Omit<LaminaEvent<Type>, 'type'> {
  return fields;
}
