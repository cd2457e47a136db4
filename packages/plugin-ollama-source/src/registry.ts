// HTTP requests to registries: anonymous tokens, redirects, time limit and errors.
import { createHash } from 'node:crypto';
import { isHeaderToken, LaminaError, networkReasonOf, type SourceContext } from '@lamina/core/plugin';
import { denied, responseError, unreachable } from './errors.js';
import { shown, type Name } from './name.js';
import { originOf, type Settings } from './settings.js';

const responseTimeoutMs = 30_000;
const maxRedirects = 5;
const maxTextBytes = 4 * 1024 * 1024;

/** Both types of manifests: a registry responds with 400 or 404 when the type it has is not accepted. */
const manifestTypes =
  'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';

/** A response of a registry. */
export interface RegistryResponse {
  readonly response: Response;
  readonly url: string;
  /** The authorization that was sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set when it is a redirect to another origin. */
  readonly redirectedTo?: string;
}

/** Registries with Ollama's API. Tokens are kept in memory per repository and sent to the registry of that only. */
export class Registries {
  private readonly tokens = new Map<string, string>();

  constructor(private readonly settings: Settings) {}

  /**
   * The text of a manifest, and its digest.
   * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_MODEL_NOT_FOUND`
   */
  async manifest(name: Name, context: SourceContext): Promise<{ text: string; digest: string }> {
    const { response } = await this.request(name, `manifests/${name.tag}`, context, { accept: manifestTypes });
    const text = await readText(response, name, context);
    const digest = digestOf(text);
    const promised = response.headers.get('docker-content-digest');
    if (promised?.startsWith('sha256:') === true && promised !== digest)
      throw unreachable(
        `The manifest of ${shown(name)} is corrupt: its digest is not the one that ${name.host} announced. Try again.`,
      );
    return { text, digest };
  }

  /** The text of a small blob, whose digest is checked. */
  async text(name: Name, digest: string, context: SourceContext): Promise<string> {
    const { response, redirectedTo } = await this.request(name, `blobs/${digest}`, context, {});
    const bytes = redirectedTo === undefined ? response : await this.send(redirectedTo, name, context, {}, 'follow');
    if (!bytes.ok) throw await responseError(bytes, name);
    const text = await readText(bytes, name, context);
    if (digestOf(text) !== digest)
      throw unreachable(`A blob of ${shown(name)} is corrupt: its digest is not ${digest}. Try again.`);
    return text;
  }

  /** Requests one byte of a blob to learn its URL; with GET, because a URL can be signed for one method only. */
  async locate(name: Name, digest: string, context: SourceContext): Promise<RegistryResponse> {
    const result = await this.request(name, `blobs/${digest}`, context, {
      range: 'bytes=0-0',
      'accept-encoding': 'identity',
    });
    await result.response.body?.cancel();
    return result;
  }

  private async request(
    name: Name,
    path: string,
    context: SourceContext,
    headers: Record<string, string>,
  ): Promise<RegistryResponse> {
    const repository = `${name.host}/${name.namespace}/${name.model}`;
    const url = `${originOf(name.host, this.settings)}/v2/${name.namespace}/${name.model}/${path}`;
    const known = this.tokens.get(repository);
    let result = await this.follow(url, name, context, { ...headers, ...bearer(known) });
    if (result.response.status === 401) {
      const token = await this.requestToken(result.response, name, context);
      if (token !== undefined) {
        this.tokens.set(repository, token);
        result = await this.follow(url, name, context, { ...headers, ...bearer(token) });
      }
    }
    if (result.response.status >= 400) throw await responseError(result.response, name);
    return { ...result, headers: bearer(this.tokens.get(repository)) };
  }

  private async follow(
    start: string,
    name: Name,
    context: SourceContext,
    headers: Record<string, string>,
  ): Promise<RegistryResponse> {
    let url = start;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await this.send(url, name, context, headers, 'manual');
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return { response, url, headers };
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.origin !== new URL(start).origin) return { response, url, headers, redirectedTo: next.href };
      url = next.href;
    }
    throw unreachable(`${name.host} redirects in a loop for ${shown(name)}.`);
  }

  /**
   * Requests an anonymous token as the challenge `Bearer realm="…",service="…",scope="…"` says, from a URL that is as
   * secure as that of the registry.
   */
  private async requestToken(response: Response, name: Name, context: SourceContext): Promise<string | undefined> {
    const challenge = response.headers.get('www-authenticate') ?? '';
    const { realm, service, scope } = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    ) as { realm?: string; service?: string; scope?: string };
    if (!/^bearer\s/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
    const url = new URL(realm);
    const own = new URL(originOf(name.host, this.settings));
    if (url.protocol !== 'https:' && url.hostname !== own.hostname)
      throw denied(`${name.host} requires a token from ${url.host} without encryption, which is not supported.`);
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', scope ?? `repository:${name.namespace}/${name.model}:pull`);
    const result = await this.send(url.href, name, context, {}, 'error');
    if (!result.ok) return void (await result.body?.cancel());
    const { token, access_token: other } = JSON.parse(await readText(result, name, context)) as {
      token?: string;
      access_token?: string;
    };
    await response.body?.cancel();
    const issued: unknown = token ?? other;
    if (issued === undefined || (typeof issued === 'string' && isHeaderToken(issued))) return issued;
    throw unreachable(`${url.host} sent an invalid token for ${shown(name)}. Try again later.`);
  }

  private async send(
    url: string,
    name: Name,
    { signal, fetch }: SourceContext,
    headers: Record<string, string>,
    redirect: 'manual' | 'follow' | 'error',
  ): Promise<Response> {
    const timeout = AbortSignal.timeout(responseTimeoutMs);
    try {
      return await fetch(url, { headers, redirect, signal: AbortSignal.any([signal, timeout]) });
    } catch (error) {
      if (LaminaError.is(error)) throw error;
      if (signal.aborted) throw new LaminaError('ABORTED', {}, { cause: error });
      const reason = timeout.aborted ? `no response within ${responseTimeoutMs / 1000} s` : networkReasonOf(error);
      throw unreachable(
        `${new URL(url).host} cannot be reached for ${shown(name)}: ${reason}. Check the connection and the name of the registry.`,
        {},
        error,
      );
    }
  }
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** Manifests and small blobs have a few KiB; a much larger body is an error. */
async function readText(response: Response, name: Name, { signal }: SourceContext): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > maxTextBytes)
        throw unreachable(
          `${name.host} sends more data than a manifest can have for ${shown(name)}. Check that it is a registry.`,
        );
      pieces.push(piece);
    }
  } catch (error) {
    if (LaminaError.is(error)) throw error;
    throw signal.aborted
      ? new LaminaError('ABORTED', {}, { cause: error })
      : unreachable(`${name.host} closed the connection during its response for ${shown(name)}. Try again.`, {}, error);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
