// Who sends a request.

/**
 * What a caller may do: `inference` is chats, embeddings and the like; `manage` is starting, stopping and downloading
 * models, and seeing processes, addresses and absolute paths.
 */
export type Scope = 'inference' | 'manage';

/** Who sends a request. */
export interface Caller {
  /** The name of its API key, when the key has one. */
  readonly name?: string;
  readonly scopes: readonly Scope[];
  /** The IP address it connects from, which is that of a proxy when there is one. */
  readonly address?: string;
  /** `process`: the host or a plugin, in this process. */
  readonly via: 'process' | 'http' | 'websocket';
}

/** The caller of requests that the host itself makes: all scopes. */
export const processCaller: Caller = Object.freeze({
  scopes: Object.freeze(['inference', 'manage'] as const),
  via: 'process',
});
