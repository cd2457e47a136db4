// HTTP client for an endpoint that works like Lamina's proxy: headers of the endpoint, Unix sockets, event streams.
import { Agent, request, type Dispatcher } from 'undici';
import { reasonOf } from '@lamina/core';
import type { Endpoint, JsonObject } from '@lamina/core/plugin';

/** A complete response. */
export interface Reply {
  readonly status: number;
  /** The header `content-type`; empty when there is none. */
  readonly contentType: string;
  readonly text: string;
}

/** The client of one test; `close` closes open connections. */
export class EndpointClient {
  readonly #agents = new Map<string | undefined, Agent>();

  /** Posts JSON, or a string unchanged, and reads the complete response. */
  async post(endpoint: Endpoint, route: string, body: JsonObject | string, signal: AbortSignal): Promise<Reply> {
    const response = await this.#send(endpoint, route, body, signal);
    const contentType = String(response.headers['content-type'] ?? '');
    return { status: response.statusCode, contentType, text: await response.body.text() };
  }

  /** Posts JSON and yields the `data` of each server-sent event until the response ends. */
  async *stream(endpoint: Endpoint, route: string, body: JsonObject, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.#send(endpoint, route, body, signal);
    if (response.statusCode !== 200)
      throw new Error(`The stream was answered with ${response.statusCode}: ${await response.body.text()}`);
    try {
      yield* readEvents(response.body.setEncoding('utf8'));
    } catch (error) {
      signal.throwIfAborted();
      throw new Error(`The stream ended early: ${reasonOf(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #send(
    endpoint: Endpoint,
    route: string,
    body: JsonObject | string,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    return request(`${endpoint.baseUrl}/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...endpoint.headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      dispatcher: this.#agent(endpoint.socketPath),
      signal,
    });
  }

  /** One connection per request: an idle connection must not keep an engine from exiting. */
  #agent(socketPath: string | undefined): Agent {
    let agent = this.#agents.get(socketPath);
    if (agent === undefined) {
      agent = new Agent({ pipelining: 0, ...(socketPath === undefined ? {} : { connect: { socketPath } }) });
      this.#agents.set(socketPath, agent);
    }
    return agent;
  }
}

async function* readEvents(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of text) {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop()!;
    for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trim();
  }
}
