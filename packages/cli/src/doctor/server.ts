// The server that runs for the models directory, the port of the configuration, and the keys.
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { reasonOf } from '@lamina/core/protocol';
import { locateServer } from '../server-location.js';
import { ServerClient } from '../server-client.js';
import type { Check, Problem, Report, Subject } from './check.js';
import { processAtPort } from './port-holder.js';

/** The server: it answers, and has the version of this command. */
export const serverCheck: Check = {
  id: 'server',
  title: 'Server',
  async run({ options, io }, signal) {
    const server = await locateServer(options, io);
    if (server === undefined) return { summary: 'not running' };
    const client = new ServerClient(server.url, server.key, signal);
    await client.request('GET', '/health');
    const { info } = await client.request<{ info: { version: string } }>('GET', '/openapi.json');
    const { version: own } = createRequire(import.meta.url)('@lamina/server-koa/package.json') as { version: string };
    const detail = `The server at ${server.url} has version ${info.version}, and this command ${own}`;
    const problems: readonly Problem[] =
      info.version === own ? [] : [{ status: 'warning', detail, fix: 'Stop the server and run lamina serve' }];
    return { summary: `${server.url}, version ${info.version}`, problems };
  },
};

/** The port on which a server would listen. */
export const portCheck: Check = {
  id: 'port',
  title: 'Port',
  async run(subject, signal) {
    const [host, port] = [settingOf(subject, 'server.host') as string, settingOf(subject, 'server.port') as number];
    if (port === 0) return { summary: 'any free one' };
    const server = await locateServer(subject.options, subject.io);
    if (server !== undefined && new URL(server.url).port === String(port))
      return { summary: `${port}, used by the server` };
    const code = await tryToListen(host === 'localhost' ? '127.0.0.1' : host, port, signal);
    if (code === undefined) return { summary: `${port} is free` };
    const other = 'lamina serve --port 0';
    if (code !== 'EADDRINUSE') {
      const why = code === 'EADDRNOTAVAIL' ? `${host} is no address of this machine` : `it is not allowed (${code})`;
      return error(`Cannot listen on ${host}, port ${port}: ${why}`, other);
    }
    const holder = await processAtPort(port, signal);
    const who =
      holder === undefined ? 'another program' : `process ${holder.pid}${holder.program && ` (${holder.program})`}`;
    return error(`${port} is held by ${who}`, `${other}, or stop ${holder === undefined ? 'that program' : 'it'}`);
  },
};

/** A server that other machines reach has keys. */
export const keysCheck: Check = {
  id: 'keys',
  title: 'Keys',
  async run(subject) {
    const host = settingOf(subject, 'server.host') as string;
    const file = settingOf(subject, 'server.apiKeyFile') as string | undefined;
    if (file !== undefined) return checkKeyFile(file);
    if (settingOf(subject, 'server.apiKeys') !== undefined) return { summary: 'in the configuration' };
    if (isLoopback(host)) return { summary: `none; only this machine reaches ${host}` };
    const detail = `The server would listen on ${host} for other machines without an API key`;
    const fix = 'lamina serve --api-key-file <file>, or set server.host to 127.0.0.1';
    const isAllowed = settingOf(subject, 'server.allowUnauthenticated') === true;
    return { summary: detail, problems: [{ status: isAllowed ? 'warning' : 'error', detail, fix }] };
  },
};

async function checkKeyFile(file: string): Promise<Report> {
  const fix = 'Write one key per line into it';
  try {
    const text = await readFile(resolve(file), 'utf8');
    return /^\s*[^\s#]/m.test(text)
      ? { summary: `in ${file}` }
      : error(`The API key file ${file} contains no key`, fix);
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    return error(
      `The API key file ${file} ${isMissing ? 'does not exist' : `cannot be read: ${reasonOf(cause)}`}`,
      fix,
    );
  }
}

function settingOf({ configuration }: Subject, key: string): unknown {
  return configuration.values.find(({ setting }) => setting.key === key)?.value;
}

/** The code of the error, if the port cannot be used. */
async function tryToListen(host: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening', { signal });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  } finally {
    server.close();
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function error(detail: string, fix: string): Report {
  return { summary: detail, problems: [{ status: 'error', detail, fix }] };
}
