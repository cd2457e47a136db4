// Conformance of a running server's endpoint: when it is ready, who can reach it, and who may use it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces, platform } from 'node:os';
import type { Endpoint } from '@lamina/core/plugin';
import { chatOf } from './kit.js';
import { keyOf, present, type Stage } from './stage.js';

export const endpointCases = {
  'a start resolves when the engine can answer a chat': async (stage: Stage) => {
    const model = await stage.kit.model();
    const server = await stage.start();
    const reply = await stage.chat(server, model);
    assert.equal(reply.status, 200, `The first chat after the start was answered with ${reply.status}: ${reply.text}`);
  },

  'a start reports progress': async (stage: Stage) => {
    await stage.start();
    assert.ok(stage.progress.length + stage.printed.length > 0, 'Neither progress nor output was reported.');
    for (const { stage: name, ratio = 0 } of stage.progress)
      assert.ok(name !== '' && ratio >= 0 && ratio <= 1, `The stage "${name}" has the ratio ${ratio}.`);
  },

  'the endpoint is a base URL without a trailing slash': async (stage: Stage) => {
    const { baseUrl } = (await stage.start()).endpoint();
    assert.match(new URL(baseUrl).protocol, /^https?:$/);
    assert.ok(!baseUrl.endsWith('/'), `${baseUrl} ends with a slash.`);
  },

  'the engine listens on loopback only': async (stage: Stage) => {
    const { baseUrl, socketPath } = (await stage.start()).endpoint();
    if (socketPath !== undefined) return;
    const { hostname, port } = new URL(baseUrl);
    assert.match(hostname, /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/, `${baseUrl} is not on this machine.`);
    for (const address of otherAddresses(hostname))
      assert.ok(
        !(await accepts(address, Number(port))),
        `The engine also listens on ${address}:${port}. Let it listen on 127.0.0.1 only, or other machines can reach it.`,
      );
  },

  'the endpoint accepts its key only': async (stage: Stage) => {
    const endpoint = (await stage.start()).endpoint();
    const key = keyOf(endpoint);
    const { headers, ...open } = endpoint;
    const wrong = Object.entries(present(headers, 'A header with a key')).map(([name, value]): [string, string] => [
      name,
      value.replace(key, 'not-the-key'),
    ]);
    await assertRefused(stage, open, 'without a key');
    await assertRefused(stage, { ...open, headers: Object.fromEntries(wrong) }, 'with a wrong key');
  },

  'the key is not on a command line': async (stage: Stage) => {
    const key = keyOf((await stage.start()).endpoint());
    const exposing = stage.processes.living().filter(({ command }) => command.includes(key));
    assert.deepEqual(
      exposing.map(({ pid }) => pid),
      [],
      'Every user of this machine can read the key in the process list. Pass it in the environment or in a file.',
    );
  },
};

async function assertRefused(stage: Stage, endpoint: Endpoint, how: string): Promise<void> {
  const signal = AbortSignal.timeout(stage.limits.answerMs);
  const { status } = await stage.client.post(endpoint, 'chat/completions', chatOf(stage.kit), signal);
  assert.ok(
    [401, 403].includes(status),
    `A chat ${how} was answered with ${status}. Give the engine the key and let it answer 401 to every other one.`,
  );
}

/** Addresses of this machine at which a server that listens on one loopback address does not answer. */
function otherAddresses(hostname: string): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list = []) => list);
  const outside = addresses.filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0);
  // On Linux the whole network 127.0.0.0/8 is this machine, also without any other network.
  const loopback = platform() === 'linux' && hostname !== '127.0.0.2' ? ['127.0.0.2'] : [];
  return [...loopback, ...outside.map(({ address }) => address)];
}

async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: 1_000 });
  socket.once('timeout', () => socket.destroy(new Error('It does not answer.')));
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
