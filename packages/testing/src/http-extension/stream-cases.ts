// Conformance of routes that stream: clients that leave, and clients that do not read.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { StreamRequest } from './kit.js';
import { keys, type ExtensionHost, type TestedRoute } from './host.js';

const pollMs = 50;
/** So long nothing may be produced until a handler counts as waiting for its client. */
const quietMs = 300;
/** Far more than the buffers of connections take on all systems. */
const limitBytes = 32 * 1024 * 1024;

export const streamCases = {
  'a client that leaves ends the work of a route': async (host: ExtensionHost) => {
    await forEachStream(host, async (route, stream) => {
      const call = await begin(host, route, stream, true);
      const isWorking = () => stream.isWorking?.(host.lamina) ?? isEngineBusy(host);
      const lasts = await isWorking();
      call.destroy();
      assert.ok(lasts, `The request for ${route.name} ended at once; give the kit one that lasts.`);
      const { leaveMs = 10_000 } = host.kit;
      const deadline = performance.now() + leaveMs;
      while (await isWorking()) {
        assert.ok(
          performance.now() < deadline,
          `${route.name} still works ${leaveMs} ms after its client has left. Respond with ctx.stream or ctx.infer, or pass ` +
            'ctx.signal to what the handler awaits.',
        );
        await setTimeout(pollMs);
      }
    });
  },

  'a client that does not read stops a route': async (host: ExtensionHost) => {
    await forEachStream(host, async (route, stream) => {
      const call = await begin(host, route, stream, false);
      const produced = async () => stream.producedBytes?.(host.lamina) ?? (await host.engine())?.sent_bytes ?? 0;
      try {
        for (let before = -1, now = await produced(); now !== before || now === 0; now = await produced()) {
          assert.ok(
            now < limitBytes,
            `${route.name} has produced ${now} bytes for a client that does not read. Respond with ctx.stream or ctx.infer, ` +
              'or wait for the event drain of the response.',
          );
          before = now;
          await setTimeout(quietMs);
        }
      } finally {
        call.destroy();
      }
    });
  },
};

async function forEachStream(
  host: ExtensionHost,
  run: (route: TestedRoute, stream: StreamRequest) => Promise<void>,
): Promise<void> {
  const streams = Object.entries(host.kit.streams ?? {});
  assert.ok(streams.length > 0, 'The kit has no streams. If no route streams, skip this case with a reason.');
  for (const [name, stream] of streams) {
    const route = host.routes().find((each) => each.name === name);
    assert.ok(route !== undefined, `The plugin has no route ${name}, for which the kit has a stream.`);
    await run(route, stream);
  }
}

/** Sends the request and waits for the head of its response; with `reads`, also for its first bytes. */
async function begin(
  host: ExtensionHost,
  route: TestedRoute,
  { path = route.path, body }: StreamRequest,
  reads: boolean,
): Promise<ClientRequest> {
  const call = request(new URL(path, host.url), {
    method: route.method,
    headers: { authorization: `Bearer ${keys.all}`, 'content-type': 'application/json' },
    agent: false,
  });
  call.on('error', () => undefined); // It is destroyed at the end.
  call.end(body === undefined ? undefined : JSON.stringify(body));
  try {
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    assert.equal(response.statusCode, 200, `${route.name} was answered with ${response.statusCode}.`);
    if (reads) await once(response, 'data');
    return call;
  } catch (error) {
    call.destroy();
    throw error;
  }
}

async function isEngineBusy(host: ExtensionHost): Promise<boolean> {
  return ((await host.engine())?.busy ?? 0) > 0;
}
