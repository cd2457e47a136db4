// The conformance kit detects faulty backends: each of these has one defect, and the case for it fails for
// the right reason.
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
  readonly failingCase: BackendCaseName;
  readonly message: RegExp;
  readonly type: BackendType;
  readonly limits?: BackendKit['limits'];
  readonly longChat?: JsonObject;
}

const never = new AbortController().signal;

/** A correct backend except for the behaviour of the engine. */
function engineThat(behaviour: Behaviour): BackendType {
  return fakeBackend({ behaviour: { chunk_ms: 2, ...behaviour } });
}

/** A correct backend except for these members. */
function backendWith(change: (backend: Backend) => Partial<Backend>, type = engineThat({})): BackendType {
  return {
    ...type,
    create(name, options) {
      const backend = type.create(name, options);
      return { ...backend, ...change(backend) };
    },
  };
}

/** A correct backend except for these members of its servers. */
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

/** A correct backend except for its use of the start context. */
function startWith(change: (context: StartContext) => StartContext, type = engineThat({})): BackendType {
  return backendWith((backend) => ({ start: (model, context) => backend.start(model, change(context)) }), type);
}

function keyOf(server: ModelServer): string {
  return server.endpoint().headers!.authorization!;
}

const defects: Defect[] = [
  {
    defect: 'throws when its engine is missing',
    failingCase: 'a probe of a missing engine reports the reason and a hint',
    message: /ENOENT/,
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
    failingCase: 'the memory estimate is positive and grows with the context',
    message: /A longer context is estimated at 1000 bytes/,
    type: engineThat({ memory_bytes: 1_000 }),
  },
  {
    defect: 'modifies its input request',
    failingCase: 'the request adapter keeps unknown fields and does not modify its input',
    message: /The adapter modified its input/,
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
    defect: 'drops unknown fields of a request',
    failingCase: 'the request adapter keeps unknown fields and does not modify its input',
    message: /The adapter dropped a field/,
    type: backendWith(() => ({ adapt: { request: ({ model, messages }) => ({ model, messages }) as JsonObject } })),
  },
  {
    defect: 'reports ready while it loads',
    failingCase: 'a start resolves when the engine can answer a chat',
    message: /answered with 503/,
    type: engineThat({ ready_early: true, load_ms: 60_000 }),
  },
  {
    defect: 'does not pass its options to the engine',
    failingCase: 'options reach the engine',
    message: /777/,
    type: startWith((context) => ({ ...context, options: {} })),
  },
  {
    defect: 'starts all models on one port',
    failingCase: 'two models run concurrently at different endpoints',
    message: /Both models are at/,
    type: backendWith((backend) => {
      let only: Promise<ModelServer> | undefined;
      return { start: (model, context) => (only ??= backend.start(model, context)) };
    }),
  },
  {
    defect: 'swallows the reason of a failed start',
    failingCase: 'a start of a damaged model fails with a reason',
    message: /Error: start failed instead of MODEL_START_FAILED/,
    type: backendWith((backend) => ({
      start: (model, context) =>
        backend.start(model, context).catch(() => {
          throw new Error('start failed');
        }),
    })),
  },
  {
    defect: 'leaks a process when a start fails',
    failingCase: 'a failed start leaves nothing behind',
    message: /After a failed start, processes are left: \d+ \(.*node/,
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
    defect: 'continues a start that was aborted',
    failingCase: 'an aborted start rejects and leaves nothing behind',
    message: /resolved anyway/,
    type: startWith((context) => ({ ...context, signal: never })),
  },
  {
    defect: 'does not register its processes with the guard',
    failingCase: 'every process is in a guarded group until it ends',
    message: /outlive a Lamina that is killed/,
    type: startWith((context) => ({ ...context, guard: () => () => undefined })),
  },
  {
    defect: 'ends its streams without [DONE]',
    failingCase: 'a streamed chat has text, then a finish reason, then [DONE]',
    message: /does not end with \[DONE\]\. Send "data: \[DONE\]" as its last event/,
    type: engineThat({ no_done: true }),
  },
  {
    defect: 'accepts any key',
    failingCase: 'the endpoint accepts its key only',
    message: /A chat without a key was answered with 200\. Give the engine the key/,
    type: backendWith((backend) => ({
      async start(model, context) {
        const server = await backend.start(model, context);
        const body = JSON.stringify({ any_key: true });
        await fetch(new URL('/fake/behaviour', server.endpoint().baseUrl), { method: 'POST', body });
        return server;
      },
    })),
  },
  {
    defect: 'accepts any key while it starts',
    failingCase: 'a start resolves when the engine can answer a chat',
    message: /The engine did not start\. .*it ignores its key: \/v1\/models accepts any key/,
    type: engineThat({ any_key: true }),
    limits: { startMs: 1_000 },
  },
  {
    defect: 'is never ready',
    failingCase: 'a start resolves when the engine can answer a chat',
    message:
      /The engine did not start\. .*it was not ready within the 2000 ms of limits\.startMs; .*503[^]*loading: 0 %/,
    type: engineThat({ load_ms: 3_600_000 }),
    limits: { startMs: 2_000 },
  },
  {
    defect: 'ignores its signal when it is never ready',
    failingCase: 'a start resolves when the engine can answer a chat',
    message: /start\(\), whose signal was aborted, did not settle/,
    type: startWith((context) => ({ ...context, signal: never }), engineThat({ load_ms: 3_600_000 })),
    limits: { startMs: 500, killMs: 500 },
  },
  {
    defect: 'has an engine that does not start',
    failingCase: 'a start resolves when the engine can answer a chat',
    message: /The engine did not start\. .*ended with code 7[^]*The last lines of the engine:\nno licence/,
    type: engineThat({ exit_code: 7, stderr: ['no licence'] }),
  },
  {
    defect: 'ignores SIGTERM',
    failingCase: 'the engine ends on SIGTERM',
    message: /The engine had to be killed\. Send it SIGTERM first, and let it exit on SIGTERM/,
    type: engineThat({ sigterm: 'ignored' }),
  },
  {
    defect: 'answers streams with the content type of JSON',
    failingCase: 'a stream has the content type of event streams',
    message: /content type "application\/json"\. Send "text\/event-stream"/,
    type: engineThat({ content_type: 'application/json' }),
  },
  {
    defect: 'listens on all addresses',
    failingCase: 'the engine listens on loopback only',
    message: /also listens on [\d.]+:\d+\. Let it listen on 127\.0\.0\.1 only/,
    type: engineThat({ host: '0.0.0.0' }),
  },
  {
    defect: 'sends streams at once',
    failingCase: 'a stream sends tokens while the engine generates',
    message: /sent at once: its end came with its first token\. Send each token when it is made/,
    type: engineThat({ at_once: true }),
    longChat: { messages: [{ role: 'user', content: '/count' }], max_tokens: 100 },
  },
  {
    defect: 'sends streams at once, and takes longer for it than the kit waits',
    failingCase: 'a stream sends tokens while the engine generates',
    message: /No text of a long response arrived within 1000 ms\. Send each token when it is made/,
    type: engineThat({ at_once: true }),
    limits: { answerMs: 1_000 },
  },
  {
    defect: 'leaves a process behind when Lamina is interrupted',
    failingCase: 'every process is in a guarded group until it ends',
    message: /outlive a Lamina that is killed\. Call context\.guard\(pid\)/,
    type: engineThat({ grandchild: 'own_group' }),
  },
  {
    defect: 'cuts its streams',
    failingCase: 'a streamed chat has text, then a finish reason, then [DONE]',
    message: /The stream ended early/,
    type: engineThat({ cut_chunks: 3 }),
  },
  {
    defect: 'continues to generate after the client disconnected',
    failingCase: 'a client that disconnects frees the engine',
    message: /The request of a disconnected client did not settle/,
    type: engineThat({ keep_generating: true }),
  },
  {
    defect: 'returns errors in another format',
    failingCase: 'a body that is not JSON is rejected in the standard error format',
    message: /The error has no message/,
    type: engineThat({ errors: 'json_in_string' }),
  },
  {
    defect: 'does not wake up',
    failingCase: 'a server responds after sleep and wake',
    message: /asleep/,
    type: serverWith(() => ({ wake: () => Promise.resolve() })),
  },
  {
    defect: 'leaves a grandchild behind',
    failingCase: 'a stop leaves no process and no open port',
    message: /After a stop, processes are left/,
    type: engineThat({ grandchild: 'own_group' }),
  },
  {
    defect: 'never resolves closed',
    failingCase: 'a stop resolves closed as expected',
    message: /closed did not settle/,
    type: serverWith(() => ({ closed: new Promise(() => undefined) })),
  },
  {
    defect: 'reports every stop as a crash',
    failingCase: 'a stop resolves closed as expected',
    message: /reported as a crash/,
    type: serverWith(({ closed }) => ({ closed: closed.then((exit) => ({ ...exit, expected: false })) })),
  },
  {
    defect: 'reports every crash as a stop',
    failingCase: 'a killed engine resolves closed as a crash, with a reason',
    message: /reported as a requested stop/,
    type: serverWith(({ closed }) => ({ closed: closed.then((exit) => ({ ...exit, expected: true })) })),
  },
  {
    defect: 'waits for its clients before it stops, without a limit',
    failingCase: 'a stop ends in time during a streamed response',
    message: /stop\(\) did not settle/,
    type: serverWith((server) => ({
      async stop(context) {
        while ((await stateOf(server)).busy > 0) await setTimeout(20);
        await server.stop(context);
      },
    })),
  },
  {
    defect: 'ignores the signal of a stop',
    failingCase: 'a stop with an aborted signal kills at once',
    message: /stop\(\) did not settle/,
    type: serverWith(
      (server) => ({ stop: ({ reason }) => server.stop({ reason, signal: never }) }),
      engineThat({ sigterm: 'ignored' }),
    ),
  },
  {
    defect: 'checks the signal of a stop only once',
    failingCase: 'a stop becomes a kill when its signal is aborted',
    message: /stop\(\) did not settle/,
    type: serverWith(
      (server) => ({ stop: ({ reason, signal }) => server.stop({ reason, signal: signal.aborted ? signal : never }) }),
      engineThat({ sigterm: 'ignored' }),
    ),
  },
  {
    defect: 'prints its key',
    failingCase: 'the key is never printed',
    message: /The key is in the output, the log or the events\. Remove it/,
    type: serverWith((server, context) => {
      context.output('stderr', `started with ${keyOf(server)}`);
      return {};
    }),
  },
  {
    defect: 'puts its key on the command line',
    failingCase: 'the key is not on a command line',
    message: /can read the key in the process list/,
    type: fakeBackend({ keyIn: 'arguments' }),
  },
];

describe('a backend that', () => {
  const folder = testFolder();
  for (const { defect, failingCase, message, type, limits, longChat } of defects) {
    it(`${defect} fails "${failingCase}"`, async () => {
      const { skip: _skip, ...kit }: BackendKit = fakeKit(folder, {
        type,
        limits: { startMs: 15_000, answerMs: 10_000, leaveMs: 1_000, stopMs: 1_000, killMs: 2_000, ...limits },
        ...(longChat === undefined ? {} : { longChat }),
      });
      const [meant] = backendConformance(kit).filter(({ name }) => name === failingCase);
      await assert.rejects(
        meant!.run(),
        (error: Error) => message.test(String(error)) || assert.fail(`It failed for another reason: ${String(error)}`),
      );
    });
  }
});
