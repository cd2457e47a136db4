// One chat, from its frame to its end: it ends exactly once, with `chat.done` or `chat.error`.
import { randomUUID } from 'node:crypto';
import {
  LaminaError,
  type AcquireProgress,
  type JsonObject,
  type OpenRequest,
  type RequestOutcome,
  type WireError,
} from '@lamina/core';
import type { ClientFrame } from '@lamina/core/protocol';
import { wireForScopes } from '../middleware/error-body.js';
import { refusalOf, refusalStatus } from '../proxy/forward.js';
import { redactError } from '../proxy/redact.js';
import { send, type Sent } from '../proxy/send.js';
import { lossOf } from '../proxy/stream-error.js';
import { ChatAnswer } from './chat-answer.js';
import type { Peer } from './peer.js';

const route = 'chat/completions';

/** How a chat ended, for the event at its end; `error` when it is not whole. */
interface Ending {
  readonly status: number;
  readonly served: boolean;
  readonly error?: WireError;
  /** The error as core may log it. */
  readonly failure?: LaminaError;
}

/** A chat under way. */
export class Chat {
  /** The id of the request, which the client gets as `chat`. */
  readonly #request = randomUUID();
  readonly #leaving = new AbortController();

  constructor(
    private readonly id: string,
    private readonly peer: Peer,
  ) {}

  /** Ends it now, if it has not ended: its engine stops at once. */
  end(reason: LaminaError): void {
    this.#leaving.abort(reason);
  }

  /**
   * Runs the request, JSON that asks for a stream; never rejects. The answer sends the last frame, once the chat's id
   * is free again.
   */
  async run(model: string, body: Buffer): Promise<() => void> {
    const { id, peer } = this;
    peer.outbox.send({ type: 'chat.accepted', id, chat: this.#request });
    const answer = new ChatAnswer(id, peer.outbox, (reason) => this.end(reason));
    const { error } = await this.#ask(model, body, answer);
    if (error !== undefined) {
      const visible = wireForScopes(peer.scopes, error);
      return () => peer.outbox.send({ type: 'chat.error', id, error: visible });
    }
    const { usage, finishReason } = answer;
    return () =>
      peer.outbox.send({
        type: 'chat.done',
        id,
        ...(usage === undefined ? {} : { usage }),
        ...(finishReason === undefined ? {} : { finish_reason: finishReason }),
      });
  }

  async #ask(model: string, body: Buffer, answer: ChatAnswer): Promise<Ending> {
    const { lamina, headers } = this.peer;
    let open: OpenRequest | undefined;
    let ending: Ending;
    try {
      open = await lamina.requests.open(
        { id: this.#request, route, model, headers, body },
        { signal: this.#leaving.signal, onProgress: (progress) => this.#tell(progress) },
      );
      ending = await this.#stream(open, answer);
    } catch (thrown) {
      ending = this.#failure(thrown);
    }
    open?.finish(outcomeOf(ending, answer));
    return ending;
  }

  async #stream(open: OpenRequest, answer: ChatAnswer): Promise<Ending> {
    const body = () => ({ bytes: open.body(), contentType: 'application/json' });
    const outcome = await send(
      open,
      { method: 'POST', target: route, response: answer, client: this.#leaving.signal, body },
      this.peer.upstreams,
    );
    if (answer.error === undefined && this.#leaving.signal.aborted) throw this.#leaving.signal.reason;
    return this.#endingOf(outcome, open, answer);
  }

  async #endingOf(outcome: Sent, open: OpenRequest, answer: ChatAnswer): Promise<Ending> {
    if (outcome.kind === 'refused')
      return { status: refusalStatus(outcome.status), served: true, error: refusalOf(open, outcome) };
    if (answer.error !== undefined)
      return { status: 502, served: true, error: redactError(answer.error, outcome.endpoint) };
    if (outcome.kind === 'cut') throw await lossOf(open, outcome.error, outcome.endpoint);
    if (!answer.isWhole) throw await lossOf(open, new Error('it ended without a finish_reason'), outcome.endpoint);
    return { status: outcome.status, served: true };
  }

  #failure(thrown: unknown): Ending {
    const { lamina } = this.peer;
    const { signal } = this.#leaving;
    const error = LaminaError.from(signal.aborted ? signal.reason : thrown);
    if (error.code === 'INTERNAL')
      lamina.log.error({ err: error.cause, request: this.#request }, 'A chat failed inside Lamina');
    return { status: error.status, served: signal.aborted, error: error.toWire(), failure: error };
  }

  // A client that does not read is not told each step: they would pile up, and the next one makes up for it.
  #tell(progress: AcquireProgress): void {
    const { outbox } = this.peer;
    if (outbox.full) return;
    const { id } = this;
    if (progress.kind === 'queued') outbox.send({ type: 'chat.queued', id, position: progress.position });
    else
      outbox.send({
        type: 'chat.loading',
        id,
        stage: progress.stage,
        ...(progress.ratio === undefined ? {} : { ratio: progress.ratio }),
      });
  }
}

function outcomeOf(ending: Ending, { usage, headersSent }: ChatAnswer): RequestOutcome {
  const { status, served, error, failure } = ending;
  const why = failure ?? error;
  return {
    status,
    served,
    ...(usage === undefined ? {} : { usage }),
    ...(why === undefined ? {} : { error: why, cut: headersSent }),
  };
}

/** The request as a stream that ends with its usage. */
export function streamed(request: ClientFrame<'chat.start'>['request']): JsonObject {
  const asked = request as unknown as JsonObject & { model: string };
  const options = asked['stream_options'];
  return {
    ...asked,
    stream: true,
    stream_options: { ...(typeof options === 'object' ? options : {}), include_usage: true },
  };
}
