// Maps models of llama-swap to entries and backends of a manifest.
import { isDeepStrictEqual } from 'node:util';
import { basename } from 'node:path';
import { reasonOf, type BackendEntry, type ImportNote, type ModelEntry } from '@lamina/core';
import { readCommand } from './command-server.js';
import { commandWords } from './command-line.js';
import { mapFilters } from './filters.js';
import { modelNotes } from './keys.js';
import { readLlamaServer } from './llama-server.js';
import { undefinedIn } from './macros.js';
import type { Configuration, SwapModel } from './schema.js';

/** What is known besides the configuration. */
export interface MappingContext {
  /** Relative paths are relative to it: the directory of the file. */
  readonly directory: string;
  /** Names that new backends cannot have. */
  readonly takenBackends: ReadonlySet<string>;
  /** Whether @lamina/plugin-virtual-models is loaded. */
  readonly hasPresets: boolean;
}

/** The defaults of llama-swap that differ from Lamina's: it never unloads a model by itself. */
const neverUnloaded = 0;
const shortestCheck = 15;

/** Maps one model after the other. */
export class ModelMapper {
  readonly models: Record<string, ModelEntry> = {};
  readonly backends: Record<string, BackendEntry> = {};
  readonly notes: ImportNote[] = [];

  constructor(
    private readonly configuration: Configuration,
    private readonly context: MappingContext,
  ) {}

  /** Adds the entries of a model, or the note that it is left out. */
  add(name: string, model: SwapModel): void {
    const served = this.serverOf(name, model);
    if (typeof served === 'string') {
      this.notes.push({ what: `models.${name}`, message: served, leftOut: true });
      return;
    }
    const key = `models.${name}.filters`;
    const { parameters, presets, aliases, notes } = mapFilters(name, model.filters ?? {}, key, this.context.hasPresets);
    const allAliases = [...new Set([...(model.aliases ?? []), ...aliases])].filter((alias) => alias !== name);
    const description = [model.name, model.description].filter((text) => text !== undefined && text !== '').join(': ');
    this.models[name] = {
      ...served,
      ...(description === '' ? {} : { description }),
      ...(allAliases.length === 0 ? {} : { aliases: allAliases }),
      ...(this.preloaded.has(name) || allAliases.some((alias) => this.preloaded.has(alias)) ? { preload: true } : {}),
      limits: this.limitsOf(model),
      ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    };
    Object.assign(this.models, presets);
    this.notes.push(
      ...modelNotes(name, relevant(model, served.backend !== undefined && this.isCommand(served.backend))),
    );
    this.notes.push(...notes);
    if ((model.concurrencyLimit ?? 0) > 0)
      this.notes.push({
        what: `models.${name}.concurrencyLimit`,
        message: 'Requests beyond the limit wait in Lamina; llama-swap refused them with 429.',
      });
    if (model.checkEndpoint === 'none' && this.isCommand(served.backend!))
      this.notes.push({
        what: `models.${name}.checkEndpoint`,
        message:
          'Lamina must know when a server is ready: GET /v1/models has to respond with 200. Set "health" or "ready_log" of the backend otherwise.',
      });
  }

  /** A name for a backend that is not taken. */
  freeBackendName(wanted: string): string {
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? wanted : `${wanted}-${number}`;
      if (!this.context.takenBackends.has(name) && !Object.hasOwn(this.backends, name)) return name;
    }
  }

  private get preloaded(): ReadonlySet<string> {
    return new Set(this.configuration.hooks?.on_startup?.preload?.map((name) => name.trim()));
  }

  private isCommand(backend: string): boolean {
    return this.backends[backend]?.type === 'command';
  }

  /** The entry with its backend, or a sentence about why there is none. */
  private serverOf(name: string, { cmd = '', proxy, checkEndpoint, env = [] }: SwapModel): ModelEntry | string {
    const { directory } = this.context;
    const [missing] = undefinedIn([cmd, proxy, env, checkEndpoint]);
    if (missing !== undefined) return reasonFor(missing);
    let words: readonly string[];
    try {
      words = commandWords(cmd);
    } catch (error) {
      return cmd.trim() === '' ? 'It has no cmd.' : reasonOf(error).replace(/\.?$/, '.');
    }
    const variables = variablesOf(env);
    const isPlain = isPlainAddress(proxy) && (checkEndpoint ?? '/health') === '/health';
    const llama = isPlain ? readLlamaServer(words, directory) : undefined;
    if (llama !== undefined) return { ...llama.entry, backend: this.llamaBackend(llama.executable, variables) };
    const command = readCommand(words, { proxy, checkEndpoint, env: variables, directory });
    if (typeof command === 'string') return command;
    const backend = this.freeBackendName(name);
    this.backends[backend] = command.backend;
    return { ...command.entry, backend };
  }

  /** The backend for this llama-server: the usual one for the program in PATH, else one for all models that use it. */
  private llamaBackend(executable: string, env: Readonly<Record<string, string>>): string {
    const hasEnv = Object.keys(env).length > 0;
    if (executable === 'llama-server' && !hasEnv) return 'llama.cpp';
    const entry = { type: 'llama.cpp', executable, ...(hasEnv ? { env } : {}) };
    const [known] = Object.entries(this.backends).find(([, backend]) => isDeepStrictEqual(backend, entry)) ?? [];
    if (known !== undefined) return known;
    const name = this.freeBackendName(basename(executable).replace(/\.exe$/i, ''));
    this.backends[name] = entry;
    return name;
  }

  private limitsOf({
    ttl = -1,
    unloadTimeout = 0,
    concurrencyLimit = 0,
  }: SwapModel): NonNullable<ModelEntry['limits']> {
    const { healthCheckTimeout, globalTTL = neverUnloaded, unloadTimeout: always = 0 } = this.configuration;
    const stop = unloadTimeout === 0 ? always : unloadTimeout;
    return {
      idle_timeout: ttl === -1 ? globalTTL : ttl,
      ...(healthCheckTimeout === undefined ? {} : { load_timeout: Math.max(shortestCheck, healthCheckTimeout) }),
      ...(stop === 0 ? {} : { stop_timeout: stop }),
      ...(concurrencyLimit === 0 ? {} : { max_concurrency: concurrencyLimit }),
    };
  }
}

/** The keys of a model that need a note; llama-server answers to any name. */
function relevant({ useModelName, ...model }: SwapModel, isCommand: boolean): object {
  return isCommand && useModelName !== undefined && useModelName !== '' ? { ...model, useModelName } : model;
}

/** Whether requests go to the root of the port that the command gets, so that the address is for Lamina to choose. */
function isPlainAddress(proxy: string | undefined): boolean {
  return (
    proxy === undefined || /^http:\/\/(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(:(\d+|\$\{PORT\}))?\/?$/.test(proxy)
  );
}

/** `NAME=value` as an object. */
function variablesOf(env: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    env.map((line) => {
      const at = line.indexOf('=');
      return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

function reasonFor(macro: string): string {
  return macro.startsWith('env.')
    ? `It uses the environment variable ${macro.slice('env.'.length)}, which is not set. Set it, and import again.`
    : `It uses the macro "${macro}", which is not defined.`;
}
