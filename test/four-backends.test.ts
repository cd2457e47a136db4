// The contract with four engines that differ as much as possible from llama.cpp, through the complete server.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type LaminaOptions, type Plugin } from '@lamina/core';
import {
  definePlugin,
  LaminaError,
  processBackend,
  type BackendType,
  type Endpoint,
  type ModelServer,
  type ServerExit,
} from '@lamina/core/plugin';
import { fakeEngine, fakePlugin } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, post, streamChat } from './support/client.js';

describe('the contract holds for', () => {
  let directory: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;

  async function open(
    plugin: Plugin,
    models: Record<string, Record<string, unknown>>,
    options: LaminaOptions = {},
  ): Promise<void> {
    for (const name of Object.keys(models)) await writeFile(join(directory, `${name}.fake`), name);
    lamina = await createLamina({
      modelsDir: directory,
      manifest: { models },
      log: 'silent',
      plugins: [plugin],
      ...options,
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-contract-'));
  });
  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
    await rm(directory, { recursive: true, force: true });
  });

  describe('a remote whose base URL has a path and whose model ids differ', () => {
    let upstream: HttpServer;
    let seen: { path: string; authorization: string | undefined; body: { model: string } }[];

    beforeEach(async () => {
      seen = [];
      upstream = createHttpServer((request, response) => {
        const parts: Buffer[] = [];
        request
          .on('data', (part: Buffer) => parts.push(part))
          .on('end', () => {
            const body = JSON.parse(Buffer.concat(parts).toString() || '{}') as { model: string };
            seen.push({ path: request.url!, authorization: request.headers.authorization, body });
            response
              .setHeader('content-type', 'application/json')
              .end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: `I am ${body.model}` } }] }));
          });
      }).listen(0, '127.0.0.1');
      await once(upstream, 'listening');
    });
    afterEach(() => new Promise((resolve) => upstream.close(resolve)));

    it('it is attached, called with its own names, and never counted or stopped', async () => {
      const baseUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/tenants/7/openai/v1`;
      await open(remote(baseUrl, 'sk-theirs'), {
        big: { backend: 'elsewhere', options: { id: 'org/Big-70B' } },
        small: { backend: 'elsewhere', aliases: ['tiny'], options: { id: 'org/Small' } },
      });
      for (const model of ['big', 'small', 'tiny'])
        assert.equal((await post(`${url}/v1/chat/completions`, chatBody(model))).status, 200);
      assert.deepEqual(
        seen.map(({ body }) => body.model),
        ['org/Big-70B', 'org/Small', 'org/Small'],
      );
      assert.deepEqual(new Set(seen.map(({ path }) => path)), new Set(['/tenants/7/openai/v1/chat/completions']));
      assert.deepEqual(new Set(seen.map(({ authorization }) => authorization)), new Set(['Bearer sk-theirs']));
      assert.deepEqual(
        lamina.runtime.slots().map(({ model, state }) => [model, state]),
        [
          ['big', 'ready'],
          ['small', 'ready'],
        ],
      );
    });
  });

  describe('an engine that behaves like MLC-LLM', () => {
    const models = { quirky: { path: 'quirky.fake' } };

    it('its clients get standard OpenAI responses', async () => {
      await open(mlcLike(), models);
      const answer = await streamChat(url, chatBody('quirky', 'hi', { user: 'me' }));
      assert.equal(answer.done, true);
      assert.match(answer.text, /^quirky: /);
      const wrong = await post(`${url}/v1/chat/completions`, {
        model: 'quirky',
        messages: [{ role: 'user', content: 'hi' }],
        max_tokens: 'many',
      });
      assert.equal(wrong.status, 400);
      const { error } = (await wrong.json()) as { error: { message: string; type: string } };
      assert.equal(error.type, 'invalid_request_error');
      assert.equal(typeof error.message, 'string');
      assert.ok(!error.message.startsWith('{'), error.message);
    });
  });

  describe('an engine of several replicas', () => {
    it('its endpoint moves while requests run, and none is lost', async () => {
      const replicas = new Replicas();
      await open(replicas.plugin(), { many: { path: 'many.fake' } });
      const chat = () => streamChat(url, chatBody('many'));
      const first = await Promise.all(Array.from({ length: 6 }, chat));
      await replicas.replaceOne();
      const later = await Promise.all(Array.from({ length: 12 }, chat));
      for (const { text, done } of [...first, ...later])
        assert.deepEqual({ done, text: text.startsWith('many: ') }, { done: true, text: true });
      assert.equal(lamina.runtime.slot('many').state, 'ready');
    });
  });

  describe('an engine that can sleep', () => {
    it('it sleeps when it is idle, keeps its process, and wakes for the next request', async () => {
      await open(fakePlugin(), { sleepy: { path: 'sleepy.fake', limits: { idle_timeout: 0.05 } } });
      const asleep = lamina.events.once('model.state', {
        signal: AbortSignal.timeout(10_000),
        where: ({ to }) => to === 'sleeping',
      });
      assert.equal((await streamChat(url, chatBody('sleepy'))).done, true);
      const { pid } = lamina.runtime.slot('sleepy');
      await asleep;
      assert.equal((await streamChat(url, chatBody('sleepy'))).done, true);
      assert.equal(lamina.runtime.slot('sleepy').pid, pid);
    });
  });
});

/** An external server: attached, not owned. Its models have no files on this machine. */
function remote(baseUrl: string, key: string): Plugin {
  const modelOptions = {
    type: 'object',
    properties: { id: { type: 'string' } },
    required: ['id'],
    additionalProperties: false,
  } as const;
  const type: BackendType = {
    type: 'elsewhere',
    formats: ['remote'],
    options: { type: 'object' },
    modelOptions,
    lifetime: 'external',
    create: (name) => ({
      name,
      probe: () => Promise.resolve({ available: true }),
      accepts: () => ({ rank: 0, reason: 'it is a remote' }),
      start: (model) => {
        let end: (exit: ServerExit) => void = () => undefined;
        const closed = new Promise<ServerExit>((resolve) => (end = resolve));
        return Promise.resolve({
          info: { ids: { [model.name]: String(model.options['id']) } },
          endpoint: () => ({ baseUrl, headers: { authorization: `Bearer ${key}` } }),
          closed,
          stop: () =>
            Promise.resolve(
              end({ code: null, signal: null, expected: true, reason: 'it was detached', lastLines: [] }),
            ),
        });
      },
    }),
  };
  return definePlugin({
    name: 'elsewhere',
    setup(context) {
      context.addBackend(type);
      context.hooks.describeModel.tap((model) =>
        model.backend === 'elsewhere' ? { ...model, format: 'remote', files: [] } : undefined,
      );
    },
  })();
}

/**
 * No health route, the key on the command line, `user` rejected, errors as JSON in a string: all adapted in
 * one place.
 */
function mlcLike(): Plugin {
  const behaviour = { no_health: true, while_loading: 'refused', errors: 'json_in_string', refuse_user: true } as const;
  const type = processBackend({
    type: 'mlc-like',
    formats: ['fake'],
    executable: process.execPath,
    version: false,
    command: ({ model, port, key }) => fakeEngine({ model: model.name, port, key, keyIn: 'arguments', behaviour }),
    ready: '/v1/models',
    adapt: {
      request: ({ user: _user, ...body }) => body,
      error(status, body) {
        const { message } = JSON.parse(JSON.parse(body.toString()) as string) as { message: string };
        return { message, type: status < 500 ? 'invalid_request_error' : 'server_error', code: 'mlc_error' };
      },
    },
  });
  return definePlugin({
    name: 'mlc-like',
    setup(context) {
      context.addBackend(type);
      context.hooks.describeModel.tap((model) => ({ ...model, format: 'fake' }));
    },
  })();
}

/** Two engines behind one model server. */
class Replicas {
  private readonly engines: { child: ChildProcess; endpoint: Endpoint }[] = [];
  private turn = 0;

  plugin(): Plugin {
    const type: BackendType = {
      type: 'replicated',
      formats: ['fake'],
      options: { type: 'object' },
      modelOptions: { type: 'object' },
      lifetime: 'owned',
      create: (name) => ({
        name,
        probe: () => Promise.resolve({ available: true }),
        accepts: () => ({ rank: 0, reason: 'it replicates' }),
        start: async () => {
          await Promise.all([this.add(), this.add()]);
          return this.server();
        },
      }),
    };
    return definePlugin({
      name: 'replicated',
      setup(context) {
        context.addBackend(type);
        context.hooks.describeModel.tap((model) => ({ ...model, format: 'fake' }));
      },
    })();
  }

  /** Kills one engine without a notification, and starts another on a new port. */
  async replaceOne(): Promise<void> {
    const { child } = this.engines[0]!;
    child.kill('SIGKILL');
    await once(child, 'exit');
    await this.add();
  }

  private async add(): Promise<void> {
    const { executable, args, env } = fakeEngine({ model: 'many' });
    const child = spawn(executable, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const origin = await new Promise<string>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          const found = /listening on (http:\/\/\S+)/.exec(output)?.[1];
          if (found !== undefined) resolve(found);
        });
      }
    });
    this.engines.push({ child, endpoint: { baseUrl: `${origin}/v1` } });
  }

  private server(): ModelServer {
    let end: (exit: ServerExit) => void = () => undefined;
    const closed = new Promise<ServerExit>((resolve) => (end = resolve));
    return {
      info: {},
      closed,
      endpoint: ({ failed } = {}) => {
        const usable = this.engines.filter(({ endpoint }) => endpoint !== failed);
        if (usable.length === 0)
          throw new LaminaError('MODEL_STOPPED', { model: 'many', reason: 'no replica is left' });
        return usable[this.turn++ % usable.length]!.endpoint;
      },
      stop: async () => {
        for (const { child } of this.engines) {
          if (child.exitCode !== null || child.signalCode !== null) continue;
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
        end({ code: null, signal: null, expected: true, reason: 'it was stopped', lastLines: [] });
      },
    };
  }
}
