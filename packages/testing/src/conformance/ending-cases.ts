// Conformance of stops and crashes: what they leave behind, and secrets that must not be printed.
import assert from 'node:assert/strict';
import type { ModelServer, ServerExit } from '@lamina/core/plugin';
import { longChatOf } from './kit.js';
import { readStream } from './read-answer.js';
import { present, within, type Stage } from './stage.js';

export const endingCases = {
  'a stop leaves no process and no open port': async (stage: Stage) => {
    const server = await stage.start();
    const endpoint = server.endpoint();
    await stage.stop(server);
    await stage.assertNothingLeft('After a stop');
    await stage.assertNothingListens(endpoint);
  },

  'a stop resolves closed as expected': async (stage: Stage) => {
    const server = await stage.start();
    await stage.stop(server);
    const exit = await closed(stage, server);
    assert.equal(exit.expected, true, 'A requested stop is reported as a crash.');
  },

  'a stop ends in time during a streamed response': async (stage: Stage) => {
    const server = await stage.start();
    const { ended } = await longStream(stage, server);
    await stage.stop(server);
    await within(stage.limits.killMs, ended, 'The stream of a stopped engine');
  },

  'a second stop joins the first': async (stage: Stage) => {
    const server = await stage.start();
    await Promise.all([stage.stop(server), stage.stop(server)]);
    await stage.stop(server);
    assert.equal((await closed(stage, server)).expected, true);
  },

  'a stop with an aborted signal kills at once': async (stage: Stage) => {
    const server = await stage.start();
    const { ended } = await longStream(stage, server);
    await stage.stop(server, { signal: AbortSignal.abort(), limitMs: stage.limits.killMs });
    await stage.assertNothingLeft('After a stop that kills');
    await within(stage.limits.killMs, ended, 'The stream of a killed engine');
  },

  'a stop becomes a kill when its signal is aborted': async (stage: Stage) => {
    const server = await stage.start();
    const { ended } = await longStream(stage, server);
    const controller = new AbortController();
    const stopped = stage.stop(server, { signal: controller.signal, limitMs: stage.limits.killMs });
    controller.abort();
    await stopped;
    await within(stage.limits.killMs, ended, 'The stream of a killed engine');
  },

  'a killed engine resolves closed as a crash, with a reason': async (stage: Stage) => {
    const exit = await crash(stage);
    assert.equal(exit.expected, false, 'A crash is reported as a requested stop.');
    assert.ok(exit.reason.trim() !== '', 'The exit has no reason.');
  },

  'a crash leaves nothing behind': async (stage: Stage) => {
    await crash(stage);
    await stage.assertNothingLeft('After a crash');
  },

  'a model starts again after its stop': async (stage: Stage) => {
    await stage.stop(await stage.start());
    const reply = await stage.chat(await stage.start(), await stage.kit.model());
    assert.equal(reply.status, 200, reply.text);
  },

  'the key is never printed': async (stage: Stage) => {
    const server = await stage.start();
    const key = keyOf(server);
    await stage.chat(server, await stage.kit.model());
    await stage.stop(server);
    const output = [
      ...stage.printed,
      ...stage.progress.map((update) => update.stage),
      JSON.stringify(await closed(stage, server)),
      JSON.stringify(server.info),
    ];
    assert.ok(!output.some((line) => line.includes(key)), 'The key is in the output, the log or the events.');
  },

  'the key is not on a command line': async (stage: Stage) => {
    const key = keyOf(await stage.start());
    const exposing = stage.processes.living().filter(({ command }) => command.includes(key));
    assert.deepEqual(
      exposing.map(({ pid }) => pid),
      [],
      'Every user of this machine can read the key in the process list.',
    );
  },
};

/** How the server ended; resolves right after its end. */
function closed(stage: Stage, server: ModelServer): Promise<ServerExit> {
  return within(stage.limits.killMs, server.closed, 'closed');
}

/** Starts a long response and reads its first text; `ended` resolves when the stream has ended or failed. */
async function longStream(stage: Stage, server: ModelServer): Promise<{ ended: Promise<unknown> }> {
  const events = stage.stream(server, await stage.kit.model(), longChatOf(stage.kit));
  const begun = await readStream(events, { untilText: true });
  assert.equal(
    begun.finish,
    undefined,
    'The long chat ended immediately; give the kit a longChat that lasts for seconds.',
  );
  return { ended: readStream(events).catch(() => undefined) };
}

/** Kills the process of the engine and waits until the backend reports it. */
async function crash(stage: Stage): Promise<ServerExit> {
  const server = await stage.start();
  process.kill(present(server.pid, 'A pid'), 'SIGKILL');
  return closed(stage, server);
}

/** The secret of the endpoint: the last word of its first header. */
function keyOf(server: ModelServer): string {
  const [value] = Object.values(server.endpoint().headers ?? {});
  return present(value?.split(' ').at(-1), 'A header with a key');
}
