// A place models come from. A source turns a reference into a plan; core moves the bytes.
import type { ModelEntry } from './manifest.js';
import type { Model } from './models.js';
import type { Json } from './schema.js';
import type { Context } from './context.js';

/** A place models come from, registered by a plugin with `lamina.addSource(source)`. */
export interface Source {
  /** The key under `download:` in models.yaml: `huggingface`. */
  readonly name: string;
  /**
   * The files behind a reference; `undefined` when the reference is not this source's.
   * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`
   */
  resolve(reference: Json, context: SourceContext): Promise<DownloadPlan | undefined>;
  /** Where to fetch a file just now; asked per attempt, so nothing signed or secret is ever stored. */
  locate(file: PlanFile, plan: DownloadPlan, context: SourceContext): Promise<Location>;
  /** Models that are already on this machine, used where they are. */
  adopt?(context: Context): AsyncIterable<Model>;
}

/**
 * Which addresses a download that was requested over the network may lead to. `public`: none of this machine or a
 * private network.
 * `loopback`: those of this machine too, for a caller on this machine. Hosts in `downloads.allowedHosts` are always
 * allowed.
 */
export type AddressGuard = 'public' | 'loopback';

/** What {@link Source.resolve} and {@link Source.locate} are given. */
export interface SourceContext extends Context {
  /**
   * Use this and not the global one: it goes through the proxies that the environment names, and for a request that
   * came over the network
   * it rejects with `FORBIDDEN` wherever {@link SourceContext.guard} forbids an address, also after a redirect.
   */
  readonly fetch: typeof globalThis.fetch;
  /**
   * Set for a download that was requested over the network. `fetch` and the transfer of the files hold to it by
   * themselves.
   */
  readonly guard?: AddressGuard;
  /** True when the reference itself came over the network, and not from the manifest. */
  readonly remote?: boolean;
}

/** The files to fetch for one model. Plain JSON without secrets: it is kept on disk while a download runs. */
export interface DownloadPlan {
  readonly source: string;
  readonly reference: Json;
  /** The commit or digest that was current when the plan was made. */
  readonly revision?: string;
  /** What the model is called when nobody says otherwise. Without it, it is called as its first file. */
  readonly name?: string;
  /**
   * What the manifest entry will say. `path`, `projector` and `draft` are paths of files of this plan, and are written
   * as where those come to lie; without `path` it is the first file that looks like weights, or the model's directory.
   * Size, source and digest are added.
   */
  readonly model: Partial<ModelEntry>;
  readonly files: readonly PlanFile[];
}

/** One file of a plan. */
export interface PlanFile {
  /** Relative to the model's directory, with `/`; never out of it. */
  readonly path: string;
  readonly bytes?: number;
  /** 64 hexadecimal digits. */
  readonly sha256?: string;
  /** A key the source understands, or a file on this machine and what to do with it. */
  readonly from: { readonly key: string } | { readonly file: string; readonly mode: 'copy' | 'link' | 'in-place' };
}

/** The answer of {@link Source.locate}. */
export interface Location {
  readonly url: string;
  /** Sent to that origin only. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}
