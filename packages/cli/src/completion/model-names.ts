// Names of models for completion: those of the server that runs, or of the manifest. Nobody waits longer for them than a
// moment, and a failure shows nothing.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { findServer } from '@lamina/core/find-server';
import type { CliIo } from '../cli-io.js';
import { configurationOf } from '../configuration-of.js';
import type { GlobalOptions } from '../global-options.js';
import { ServerClient } from '../server-client.js';

const limitMs = 300;

interface NamedModels {
  readonly models?: Readonly<Record<string, { readonly aliases?: readonly string[] | undefined } | null>>;
}

/** Where models are. */
interface Place {
  readonly server?: string | undefined;
  readonly modelsDir?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly manifest?: string | NamedModels | undefined;
}

/** Names and aliases. Opening a Lamina would take too long, so files that the manifest does not name are left out. */
export async function modelNames(options: GlobalOptions, io: CliIo): Promise<readonly string[]> {
  const ending = new AbortController();
  const signal = AbortSignal.any([io.signal, ending.signal]);
  const names = readModels(options, io, signal).then(
    ({ models = {} }) => Object.entries(models).flatMap(([name, model]) => [name, ...(model?.aliases ?? [])]),
    () => [],
  );
  try {
    return await Promise.race([names, setTimeout(limitMs, [], { signal })]);
  } finally {
    ending.abort();
  }
}

/** Looks where the options and the environment say, and only then where a configuration file does, which may be slow. */
async function readModels(options: GlobalOptions, io: CliIo, signal: AbortSignal): Promise<NamedModels> {
  const { env } = io;
  const { LAMINA_MODELS_DIR: modelsDir, LAMINA_DATA_DIR: dataDir, LAMINA_MANIFEST: manifest } = env;
  const place: Place = { modelsDir, dataDir, manifest, ...options };
  try {
    return await readFrom(place, env, signal);
  } catch {
    const { lamina } = await configurationOf(options, io);
    return readFrom(lamina as Place, env, signal);
  }
}

async function readFrom(
  { server, modelsDir = 'models', dataDir, manifest = join(modelsDir, 'models.yaml') }: Place,
  env: CliIo['env'],
  signal: AbortSignal,
): Promise<NamedModels> {
  const url = server ?? (await findServer({ modelsDir, ...(dataDir === undefined ? {} : { dataDir }), env }));
  if (url !== undefined) return new ServerClient(url, env['LAMINA_API_KEY'], signal).request('GET', '/models');
  if (typeof manifest === 'object') return manifest;
  const { parse } = await import('yaml');
  return parse(await readFile(manifest, 'utf8')) as NamedModels;
}
