// The conformance kit catches bad backends: each of these has one defect, and the case meant for it fails for the right
// reason.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import {
  backendConformance,
  fakeBackend,
  type BackendCaseName,
  type BackendKit,
  type Behaviour,
} from '@lamina/testing';
import type { Backend, BackendType, JsonObject, ModelServer, StartContext } from '@lamina/core/plugin';
import { fakeKit, stateOf, testFolder } from './fake-kit.js';

interface Defect {
  readonly defect: string;
  readonly caughtBy: BackendCaseName;
  readonly saying: RegExp;
  readonly type: BackendType;
}

const never = new AbortController().signal;

/** A good backend but for what the engine itself does. */
function engineThat(behaviour: Behaviour): BackendType {
  return fakeBackend({ behaviour: { chunk_ms: 2, ...behaviour } });
}

/** A good backend but for these members. */
function backendWith(change: (backend: Backend) => Partial<Backend>, type = engineThat({})): BackendType {
  return {
    ...type,
    create(name, options) {
      const backend = type.create(name, options);
      return { ...backend, ...change(backend) };
    },
  };
}

/** A good backend but for these members of its servers. */
function serverWith(
  change: (server: ModelServer, context: StartContext) => Partial<ModelServer>,
  type = engineThat({}),
): BackendType {
  return backendWith(
    (backend) => ({
      async start(model, context) {
        const server = await backend.start(model, context);
        return { ...server, ...change(server, context) };
      },
    }),
    type,
  );
}

/** A good backend but for what it does with its start context. */
function startWith(change: (context: StartContext) => StartContext): BackendType {
  return backendWith((backend) => ({ start: (model, context) => backend.start(model, change(context)) }));
}

function keyOf(server: ModelServer): string {
  return server.endpoint().headers!.authorization!;
}

const defects: Defect[] = [
  {
    defect: 'throws when its engine is missing',
    caughtBy: 'a probe of a missing engine says why and what to do',
    saying: /ENOENT/,
    type: backendWith((backend) => ({
      async probe(context) {
        const answer = await backend.probe(context);
        if (!answer.available) throw new Error('spawn ENOENT');
        return answer;
      },
    })),
  },
  {
    defect: 'estimates the same memory for every context',
    caughtBy: 'the memory estimate is positive and grows with the context',
    saying: /A longer context is estimated at 1000 bytes/,
    type: engineThat({ memory_bytes: 1_000 }),
  },
  {
    defect: 'changes the request it is given',
    caughtBy: 'the request adapter keeps what it does not know and changes nothing in place',
    saying: /The adapter changed the body/,
    type: backendWith(() => ({
      adapt: {
        request(body) {
          delete (body as { user?: unknown }).user;
          return body;
        },
      },
    })),
  },
  {
    defect: 'drops fields it does not know from a request',
    caughtBy: 'the request adapter keeps what it does not know and changes nothing in place',
    saying: /The adapter lost a field/,
    type: backendWith(() => ({ adapt: { request: ({ model, messages }) => ({ model, messages }) as JsonObject } })),
  },
  {
    defect: 'says that it is ready while it loads',
    caughtBy: 'a start resolves when a chat can be answered',
    saying: /answered with 503/,
    type: engineThat({ ready_early: true, load_ms: 60_000 }),
  },
  {
    defect: 'does not hand its options to the engine',
    caughtBy: 'options reach the engine',
    saying: /777/,
    type: startWith((context) => ({ ...context, options: {} })),
  },
  {
    defect: 'puts all models at one port',
    caughtBy: 'two models run at once, each at its own endpoint',
    saying: /Both models are at/,
    type: backendWith((backend) => {
      let only: Promise<ModelServer> | undefined;
      return { start: (model, context) => (only ??= backend.start(model, context)) };
    }),
  },
  {
    defect: 'swallows the reason of a failed start',
    caughtBy: 'a start of a damaged model fails with the reason',
    saying: /Error: start failed instead of MODEL_START_FAILED/,
    type: backendWith((backend) => ({
      start: (model, context) =>
        backend.start(model, context).catch(() => {
          throw new Error('start failed');
        }),
    })),
  },
  {
    defect: 'leaks a process when a start fails',
    caughtBy: 'a failed start leaves nothing',
    saying: /After a failed start, processes are left: \d+ \(.*node/,
    type: backendWith((backend) => ({
      async start(model, context) {
        const helper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], { stdio: 'ignore' });
        const server = await backend.start(model, context);
        helper.kill();
        return server;
      },
    })),
  },
  {
    defect: 'starts on when the start was aborted',
    caughtBy: 'an aborted start rejects and leaves nothing',
    saying: /whose signal was aborted resolved/,
    type: startWith((context) => ({ ...context, signal: never })),
  },
  {
    defect: 'keeps its processes from the guard',
    caughtBy: 'every process is in a registered process group until it ends',
    saying: /outlive a Lamina that is killed/,
    type: startWith((context) => ({ ...context, guard: () => () => undefined })),
  },
  {
    defect: 'ends its streams without [DONE]',
    caughtBy: 'a streamed chat has its text, then a finish reason, then [DONE]',
    saying: /does not end with \[DONE\]/,
    type: engineThat({ no_done: true }),
  },
  {
    defect: 'cuts its streams',
    caughtBy: 'a streamed chat has its text, then a finish reason, then [DONE]',
    saying: /The stream broke off/,
    type: engineThat({ cut_chunks: 3 }),
  },
  {
    defect: 'generates on when the client has left',
    caughtBy: 'a client that disconnects frees the engine',
    saying: /The work for a client that left did not settle/,
    type: engineThat({ keep_generating: true }),
  },
  {
    defect: 'answers errors in a shape of its own',
    caughtBy: 'a body that is not JSON is refused with an OpenAI error',
    saying: /The error has no message/,
    type: engineThat({ errors: 'json_in_string' }),
  },
  {
    defect: 'does not wake up',
    caughtBy: 'a woken server answers',
    saying: /asleep/,
    type: serverWith(() => ({ wake: () => Promise.resolve() })),
  },
  {
    defect: 'leaves a grandchild behind',
    caughtBy: 'a stop leaves nothing: no process, no open port',
    saying: /After a stop, processes are left/,
    type: engineThat({ grandchild: 'own_group' }),
  },
  {
    defect: 'never settles closed',
    caughtBy: 'a stop resolves `closed` as expected',
    saying: /closed did not settle/,
    type: serverWith(() => ({ closed: new Promise(() => undefined) })),
  },
  {
    defect: 'takes every stop for a crash',
    caughtBy: 'a stop resolves `closed` as expected',
    saying: /counts as a crash/,
    type: serverWith(({ closed }) => ({ closed: closed.then((exit) => ({ ...exit, expected: false })) })),
  },
  {
    defect: 'takes every crash for a stop',
    caughtBy: 'an engine that is killed resolves `closed` as a crash, with a reason',
    saying: /A crash counts as a requested stop/,
    type: serverWith(({ closed }) => ({ closed: closed.then((exit) => ({ ...exit, expected: true })) })),
  },
  {
    defect: 'waits for its clients before it stops, however long that takes',
    caughtBy: 'a stop ends in time while an answer streams',
    saying: /stop\(\) did not settle/,
    type: serverWith((server) => ({
      async stop(context) {
        while ((await stateOf(server)).busy > 0) await setTimeout(20);
        await server.stop(context);
      },
    })),
  },
  {
    defect: 'does not look at the signal of a stop',
    caughtBy: 'a stop with an aborted signal kills at once',
    saying: /stop\(\) did not settle/,
    type: serverWith(
      (server) => ({ stop: ({ reason }) => server.stop({ reason, signal: never }) }),
      engineThat({ sigterm: 'ignored' }),
    ),
  },
  {
    defect: 'looks at the signal of a stop only once',
    caughtBy: 'a stop turns into a kill when its signal is aborted',
    saying: /stop\(\) did not settle/,
    type: serverWith(
      (server) => ({ stop: ({ reason, signal }) => server.stop({ reason, signal: signal.aborted ? signal : never }) }),
      engineThat({ sigterm: 'ignored' }),
    ),
  },
  {
    defect: 'prints its key',
    caughtBy: 'its key is never printed',
    saying: /The key is in the output/,
    type: serverWith((server, context) => {
      context.output('stderr', `started with ${keyOf(server)}`);
      return {};
    }),
  },
  {
    defect: 'puts its key on the command line',
    caughtBy: 'its key is on no command line',
    saying: /can read the key in the list of processes/,
    type: fakeBackend({ keyIn: 'arguments' }),
  },
];

describe('a backend that', () => {
  const folder = testFolder();
  for (const { defect, caughtBy, saying, type } of defects) {
    it(`${defect} fails "${caughtBy}"`, async () => {
      const { skip: _skip, ...kit }: BackendKit = fakeKit(folder, {
        type,
        limits: { leaveMs: 1_000, stopMs: 1_000, killMs: 2_000 },
      });
      const [meant] = backendConformance(kit).filter(({ name }) => name === caughtBy);
      await assert.rejects(
        meant!.run(),
        (error: Error) =>
          saying.test(String(error)) || assert.fail(`It failed, but for another reason: ${String(error)}`),
      );
    });
  }
});
