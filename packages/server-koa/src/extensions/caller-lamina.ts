// Lamina with the rights of one caller, for handlers of extensions: no plugin can do more for a client than its key allows.
import type { Inference, InferenceOptions, Lamina, RequestHeaders, Scope } from '@lamina/core';
import { requireScope, type NetworkCaller } from '../middleware/authentication.js';

/**
 * Lamina with the rights of the caller: each function throws `UNAUTHORIZED` or `FORBIDDEN` if the caller lacks what
 * Lamina's own route for it needs. Lists need any valid key, changes the scope `manage`.
 */
export interface CallerLamina {
  /**
   * As `Lamina.chat`, on behalf of the caller; needs the scope `inference`. Without a signal of its own it ends when the
   * client leaves; without headers of its own it has those of the client.
   */
  readonly chat: ForCaller<'chat'>;
  /** As `Inference.complete`, in the same way. */
  readonly complete: ForCaller<'complete'>;
  /** As `Lamina.embed`, in the same way. */
  readonly embed: ForCaller<'embed'>;
  readonly models: Pick<
    Lamina['models'],
    'list' | 'get' | 'resolve' | 'describe' | 'metadata' | 'stats' | 'validate' | 'reload' | 'save' | 'remove'
  >;
  /**
   * Downloads that it starts and searches connect to no private address, whatever the options say. `search` needs the scope
   * `manage`, as it uses the tokens of the server.
   */
  readonly downloads: Pick<
    Lamina['downloads'],
    'start' | 'list' | 'get' | 'pause' | 'resume' | 'cancel' | 'remove' | 'wait' | 'downloadable' | 'search'
  >;
  readonly suggestions: Pick<Lamina['suggestions'], 'suggest'>;
  /** `list` with `refresh` needs the scope `manage`. */
  readonly backends: Pick<Lamina['backends'], 'list' | 'install'>;
  /** `load` needs the scope `inference`. */
  readonly runtime: Pick<Lamina['runtime'], 'start' | 'stop' | 'load' | 'slot' | 'slots' | 'hasRoute'>;
  /** Aborted when the server begins to close, so that streams that would never end by themselves can end. */
  readonly closing: AbortSignal;
}

/** A function of `Inference` whose caller is the client. */
type ForCaller<Name extends 'chat' | 'complete' | 'embed'> = (
  request: Parameters<Inference[Name]>[0],
  options?: Omit<InferenceOptions, 'caller'>,
) => ReturnType<Inference[Name]>;

/** For whom, and for which operation: `POST /notes`. */
export interface CallerRights {
  readonly caller: NetworkCaller;
  readonly operation: string;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly closing: AbortSignal;
  /** Of the client's request. */
  readonly headers?: RequestHeaders;
}

const readModels = ['list', 'get', 'resolve', 'describe', 'metadata', 'stats', 'validate'] as const;
const readDownloads = ['list', 'get', 'wait', 'downloadable'] as const;
const changeDownloads = ['pause', 'resume', 'cancel', 'remove'] as const;

/** Lamina for one request or frame. */
export function callerLamina(
  lamina: Lamina,
  { caller, operation, signal, closing, headers = {} }: CallerRights,
): CallerLamina {
  const { inference, models, downloads, suggestions, backends, runtime } = lamina;
  const need = (scope?: Scope): void => requireScope(caller, scope, operation);
  const forCaller =
    <Name extends 'chat' | 'complete' | 'embed'>(name: Name): ForCaller<Name> =>
    (request, options) => {
      need('inference');
      return inference[name](request as never, { signal, headers, ...options, caller }) as ReturnType<Inference[Name]>;
    };
  return {
    chat: forCaller('chat'),
    complete: forCaller('complete'),
    embed: forCaller('embed'),
    models: { ...pick(models, readModels, need), ...pick(models, ['reload', 'save', 'remove'], () => need('manage')) },
    downloads: {
      ...pick(downloads, readDownloads, need),
      ...pick(downloads, changeDownloads, () => need('manage')),
      start(request, options) {
        need('manage');
        return downloads.start(request, { ...options, guard: 'public' });
      },
      search(text, options) {
        need('manage');
        return downloads.search(text, { ...options, guard: 'public' });
      },
    },
    suggestions: pick(suggestions, ['suggest'], need),
    backends: {
      ...pick(backends, ['install'], () => need('manage')),
      list(options) {
        need(options?.refresh === true ? 'manage' : undefined);
        return backends.list(options);
      },
    },
    runtime: {
      ...pick(runtime, ['slot', 'slots', 'hasRoute'], need),
      ...pick(runtime, ['load'], () => need('inference')),
      ...pick(runtime, ['start', 'stop'], () => need('manage')),
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
