// Lamina with the rights of one caller, for handlers of extensions: no plugin can do more for a client than its key allows.
import type { ChatRequest, ChatStream, EmbedRequest, EmbedResult, InferenceOptions, Lamina, Scope } from '@lamina/core';
import { requireScope, type NetworkCaller } from '../middleware/authentication.js';

/**
 * Lamina with the rights of the caller: each function throws `UNAUTHORIZED` or `FORBIDDEN` if the caller lacks what
 * Lamina's own route for it needs. Lists need any valid key, changes the scope `manage`.
 */
export interface CallerLamina {
  /**
   * As `Lamina.chat`, on behalf of the caller; needs the scope `inference`. Without a signal of its own it ends when the
   * client leaves.
   */
  readonly chat: (request: ChatRequest, options?: Omit<InferenceOptions, 'caller'>) => ChatStream;
  /** As `Lamina.embed`, in the same way. */
  readonly embed: (request: EmbedRequest, options?: Omit<InferenceOptions, 'caller'>) => Promise<EmbedResult>;
  readonly models: Pick<
    Lamina['models'],
    'list' | 'get' | 'resolve' | 'describe' | 'metadata' | 'stats' | 'validate' | 'reload' | 'remove'
  >;
  /** Downloads that it starts connect to no private address, whatever the options say. */
  readonly downloads: Pick<
    Lamina['downloads'],
    'start' | 'list' | 'get' | 'pause' | 'resume' | 'cancel' | 'remove' | 'wait' | 'downloadable'
  >;
  readonly suggestions: Pick<Lamina['suggestions'], 'suggest'>;
  /** `list` with `refresh` needs the scope `manage`. */
  readonly backends: Pick<Lamina['backends'], 'list' | 'install'>;
  readonly runtime: Pick<Lamina['runtime'], 'start' | 'stop' | 'slot' | 'slots'>;
  /** Aborted when the server begins to close, so that streams that would never end by themselves can end. */
  readonly closing: AbortSignal;
}

/** For whom, and for which operation: `POST /notes`. */
export interface CallerRights {
  readonly caller: NetworkCaller;
  readonly operation: string;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly closing: AbortSignal;
}

const readModels = ['list', 'get', 'resolve', 'describe', 'metadata', 'stats', 'validate'] as const;
const readDownloads = ['list', 'get', 'wait', 'downloadable'] as const;
const changeDownloads = ['pause', 'resume', 'cancel', 'remove'] as const;

/** Lamina for one request or frame. */
export function callerLamina(lamina: Lamina, { caller, operation, signal, closing }: CallerRights): CallerLamina {
  const { models, downloads, suggestions, backends, runtime } = lamina;
  const require = (scope?: Scope): void => requireScope(caller, scope, operation);
  return {
    chat(request, options) {
      require('inference');
      return lamina.chat(request, { signal, ...options, caller });
    },
    embed(request, options) {
      require('inference');
      return lamina.embed(request, { signal, ...options, caller });
    },
    models: { ...pick(models, readModels, require), ...pick(models, ['reload', 'remove'], () => require('manage')) },
    downloads: {
      ...pick(downloads, readDownloads, require),
      ...pick(downloads, changeDownloads, () => require('manage')),
      start(request, options) {
        require('manage');
        return downloads.start(request, { ...options, guard: 'public' });
      },
    },
    suggestions: pick(suggestions, ['suggest'], require),
    backends: {
      ...pick(backends, ['install'], () => require('manage')),
      list(options) {
        require(options?.refresh === true ? 'manage' : undefined);
        return backends.list(options);
      },
    },
    runtime: {
      ...pick(runtime, ['slot', 'slots'], require),
      ...pick(runtime, ['start', 'stop'], () => require('manage')),
    },
    closing,
  };
}

/** Some functions of a service, each after a check. */
function pick<Service extends object, Name extends keyof Service>(
  service: Service,
  names: readonly Name[],
  check: () => void,
): Pick<Service, Name> {
  const checked = names.map((name) => {
    const run = service[name] as (...given: unknown[]) => unknown;
    return [
      name,
      (...given: unknown[]): unknown => {
        check();
        return run.apply(service, given);
      },
    ];
  });
  return Object.fromEntries(checked) as Pick<Service, Name>;
}
