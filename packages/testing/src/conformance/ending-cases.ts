// Conformance of stops and crashes: what they leave behind, and secrets that must not be printed.
import assert from 'node:assert/strict';
import type { ModelServer, ServerExit } from '@lamina/core/plugin';
import { longStream, readStream } from './read-answer.js';
import { keyOf, present, within, type Stage } from './stage.js';

/** They stop a server as the scheduler does; one stop can serve them all. */
export const stoppingCases = {
  'every process is in a guarded group until it ends': async (stage: Stage) => {
    const server = await stage.start();
    const running = stage.processes.living();
    const strays = running.filter(({ group }) => !stage.guarded.includes(group));
    assert.deepEqual(
      strays,
      [],
      'These processes would outlive a Lamina that is killed. Call context.guard(pid) for each process group you start.',
    );
    assert.deepEqual(stage.released, [], 'A group was released while it runs.');
    await stage.stop(server);
    assert.deepEqual(
      [...stage.released].sort(),
      [...stage.guarded].sort(),
      'Not every group was released after the stop.',
    );
  },

  'a stop leaves no process and no open port': async (stage: Stage) => {
    const server = await stage.start();
    const endpoint = stage.endpointOf(server);
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

  'the engine ends on SIGTERM': async (stage: Stage) => {
    const server = await stage.start();
    present(server.pid, 'A pid');
    await stage.stop(server);
    const { signal } = await closed(stage, server);
    assert.notEqual(
      signal,
      'SIGKILL',
      'The engine had to be killed. Send it SIGTERM first, and let it exit on SIGTERM when no request is in progress.',
    );
  },

  'the key is never printed': async (stage: Stage) => {
    const server = await stage.start();
    const key = keyOf(stage.endpointOf(server));
    if (!stage.hasStopped) await stage.chat(server, await stage.kit.model());
    await stage.stop(server);
    const output = [
      ...stage.printed,
      ...stage.progress.map((update) => update.stage),
      JSON.stringify(await closed(stage, server)),
      JSON.stringify(server.info),
    ];
    assert.ok(
      !output.some((line) => line.includes(key)),
      'The key is in the output, the log or the events. Remove it before you pass lines to context.output or context.log.',
    );
  },
};

export const endingCases = {
  'a stop ends in time during a streamed response': async (stage: Stage) => {
    const server = await stage.start();
    const ended = readStream(await longStream(stage, server)).catch(() => undefined);
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
    const ended = readStream(await longStream(stage, server)).catch(() => undefined);
    await stage.stop(server, { signal: AbortSignal.abort(), limitMs: stage.limits.killMs });
    await stage.assertNothingLeft('After a stop that kills');
    await within(stage.limits.killMs, ended, 'The stream of a killed engine');
  },

  'a stop becomes a kill when its signal is aborted': async (stage: Stage) => {
    const server = await stage.start();
    const ended = readStream(await longStream(stage, server)).catch(() => undefined);
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
};

/** How the server ended; resolves right after its end. */
function closed(stage: Stage, server: ModelServer): Promise<ServerExit> {
  return within(stage.limits.killMs, server.closed, 'closed');
}

/** Kills the process of the engine and waits until the backend reports it. */
async function crash(stage: Stage): Promise<ServerExit> {
  const server = await stage.start();
  process.kill(present(server.pid, 'A pid'), 'SIGKILL');
  return closed(stage, server);
}
