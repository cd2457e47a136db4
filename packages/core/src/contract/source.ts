// Sources of models. A source resolves a reference to a plan; core transfers the files.
import type { ModelEntry } from './manifest.js';
import type { Model } from './models.js';
import type { Json } from './schema.js';
import type { Context } from './context.js';

/**
 * A place models are downloaded from, registered by a plugin with `lamina.addSource(source)`.
 * @example
 * ```ts
 * const mirror: Source = {
 *   name: 'mirror',
 *   resolve: async (reference) => {
 *     if (typeof reference !== 'string' || !reference.startsWith('mirror:')) return undefined;
 *     const file = `${reference.slice('mirror:'.length)}.gguf`;
 *     return { source: 'mirror', reference, model: {}, files: [{ path: file, from: { key: file } }] };
 *   },
 *   locate: async ({ path }) => ({ url: `https://mirror.example/${path}` }),
 * };
 * ```
 */
export interface Source {
  /** The key under `download:` in models.yaml: `huggingface`. */
  readonly name: string;
  /**
   * Resolves a reference to a plan; `undefined` when the reference does not belong to this source.
   * @throws LaminaError `SOURCE_MODEL_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `REQUEST_INVALID` for a reference
   * of this source that can never be right
   */
  resolve(reference: Json, context: SourceContext): Promise<DownloadPlan | undefined>;
  /** Returns the current URL of a file. Called whenever one is needed, so that nothing signed or secret is stored. */
  locate(file: PlanFile, plan: DownloadPlan, context: SourceContext): Promise<Location>;
  /** Yields models that are on this machine already, to be used in place. */
  adopt?(context: Context): AsyncIterable<Model>;
  /**
   * Finds models, the best first: only those that {@link Source.resolve} can download. The signal of the context is
   * aborted after 20 s.
   * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`
   * @example
   * ```ts
   * const found = await source.search?.({ text: 'qwen3 4b', limit: 10 }, { signal, log: lamina.log, fetch });
   * for (const { reference, downloads = 0 } of found ?? []) console.log(reference, downloads);
   * ```
   */
  search?(query: SearchQuery, context: SourceContext): Promise<readonly FoundModel[]>;
}

/** What to search a source for. */
export interface SearchQuery {
  /** The words of a person, 1 to 200 characters. */
  readonly text: string;
  /** The maximum number of results, 1 to 100. */
  readonly limit: number;
}

/** A model that a source has. Its texts come from the network; core limits their length and removes control characters. */
export interface FoundModel {
  /**
   * What {@link Source.resolve} accepts. At most 300 letters, digits and `.`, `_`, `:`, `/`, `@`, `+` and `-`, and a letter
   * or digit first, because people paste it into a terminal: `hf:org/name`.
   */
  readonly reference: string;
  /** What it is, in a few words. */
  readonly description?: string;
  /** How often it was downloaded, as the source counts. */
  readonly downloads?: number;
  readonly likes?: number;
  /** When it was last changed, in ISO 8601: `2026-01-31T12:00:00.000Z`. */
  readonly updatedAt?: string;
  /** The formats of its files: `gguf`. */
  readonly formats?: readonly string[];
  /** The size of the files that would be downloaded. */
  readonly bytes?: number;
  /** True when a download needs a token of an account that has accepted the terms of the model. */
  readonly gated?: boolean;
}

/**
 * The addresses that a download requested over the network may connect to. `public`: none of this machine or of a
 * private network. `loopback`: those of this machine too, for a caller on this machine. Hosts in
 * `downloads.allowedHosts` are always allowed.
 */
export type AddressGuard = 'public' | 'loopback';

/** The context of {@link Source.resolve}, {@link Source.locate} and {@link Source.search}. */
export interface SourceContext extends Context {
  /**
   * Use this instead of the global one: it uses the proxies of the environment, and rejects with `FORBIDDEN` for
   * addresses that {@link SourceContext.guard} forbids, also after a redirect.
   */
  readonly fetch: typeof globalThis.fetch;
  /**
   * Set for a download or search that was requested over the network. `fetch` and the transfer of the files enforce it.
   */
  readonly guard?: AddressGuard;
  /** True if the reference itself came over the network, not from the manifest. */
  readonly remote?: boolean;
}

/** The files of one model. Plain JSON without secrets: it is stored on disk while a download runs. */
export interface DownloadPlan {
  readonly source: string;
  readonly reference: Json;
  /** The commit or digest at the time of the plan. */
  readonly revision?: string;
  /** The default name of the model; default: that of its first file. */
  readonly name?: string;
  /**
   * The manifest entry. `path`, `projector` and `draft` are paths of files of this plan, and become their final paths;
   * `path` defaults to the first file with weights, or the model's directory. Size, source and digest are added.
   */
  readonly model: Partial<ModelEntry>;
  readonly files: readonly PlanFile[];
}

/** One file of a plan. */
export interface PlanFile {
  /** Relative to the model's directory, with `/`, and below it. */
  readonly path: string;
  readonly bytes?: number;
  /** 64 hexadecimal digits. */
  readonly sha256?: string;
  /** A key of the source, or a file on this machine and how to use it. */
  readonly from: { readonly key: string } | { readonly file: string; readonly mode: 'copy' | 'link' | 'in-place' };
}

/** The result of {@link Source.locate}. */
export interface Location {
  readonly url: string;
  /** Sent to the origin of `url` only. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}
