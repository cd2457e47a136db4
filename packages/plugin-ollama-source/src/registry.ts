// The HTTP of a registry: anonymous tokens, redirects to where the bytes are, and refusals.
import { createHash } from 'node:crypto';
import { LaminaError, type SourceContext } from '@lamina/core/plugin';
import { denied, refusal, unreachable } from './errors.js';
import { shown, type Name } from './name.js';
import { originOf, type Settings } from './settings.js';

const answerLimitMs = 30_000;
const mostRedirects = 5;
const largestText = 4 * 1024 * 1024;

/** Both kinds of manifest: a registry answers 400 or 404 when the one it has is not named. */
const manifestTypes =
  'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';

/** An answer of the registry, or the place elsewhere that it sent us to. */
export interface Answer {
  readonly response: Response;
  readonly url: string;
  /** What was sent so that the registry answered. */
  readonly headers: Readonly<Record<string, string>>;
  readonly elsewhere?: string;
}

/**
 * Registries as Ollama's. Tokens are kept in memory, one a repository, and sent to the registry that asked for them.
 */
export class Registries {
  private readonly tokens = new Map<string, string>();

  constructor(private readonly settings: Settings) {}

  /**
   * A manifest's bytes, and their digest.
   * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `MODEL_NOT_FOUND`
   */
  async manifest(name: Name, context: SourceContext): Promise<{ text: string; digest: string }> {
    const { response } = await this.ask(name, `manifests/${name.tag}`, context, { accept: manifestTypes });
    const text = await readText(response, name, context);
    const digest = digestOf(text);
    const promised = response.headers.get('docker-content-digest');
    if (promised?.startsWith('sha256:') === true && promised !== digest)
      throw unreachable(
        `The manifest of ${shown(name)} came damaged: its digest is not the one ${name.host} announced. Try again.`,
      );
    return { text, digest };
  }

  /** A small blob as text, its digest checked. */
  async text(name: Name, digest: string, context: SourceContext): Promise<string> {
    const { response, elsewhere } = await this.ask(name, `blobs/${digest}`, context, {});
    const bytes = elsewhere === undefined ? response : await this.send(elsewhere, name, context, {}, 'follow');
    if (!bytes.ok) throw await refusal(bytes, name);
    const text = await readText(bytes, name, context);
    if (digestOf(text) !== digest)
      throw unreachable(`A part of ${shown(name)} came damaged: its digest is not ${digest}. Try again.`);
    return text;
  }

  /** Asks for one byte of a blob, to learn where its bytes are. GET, for addresses may be signed for one method. */
  async find(name: Name, digest: string, context: SourceContext): Promise<Answer> {
    const answer = await this.ask(name, `blobs/${digest}`, context, {
      range: 'bytes=0-0',
      'accept-encoding': 'identity',
    });
    await answer.response.body?.cancel();
    return answer;
  }

  private async ask(
    name: Name,
    path: string,
    context: SourceContext,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const repository = `${name.host}/${name.namespace}/${name.model}`;
    const url = `${originOf(name.host, this.settings)}/v2/${name.namespace}/${name.model}/${path}`;
    const known = this.tokens.get(repository);
    let answer = await this.follow(url, name, context, { ...headers, ...bearer(known) });
    if (answer.response.status === 401) {
      const token = await this.newToken(answer.response, name, context);
      if (token !== undefined) {
        this.tokens.set(repository, token);
        answer = await this.follow(url, name, context, { ...headers, ...bearer(token) });
      }
    }
    if (answer.response.status >= 400) throw await refusal(answer.response, name);
    return { ...answer, headers: bearer(this.tokens.get(repository)) };
  }

  private async follow(
    start: string,
    name: Name,
    context: SourceContext,
    headers: Record<string, string>,
  ): Promise<Answer> {
    let url = start;
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const response = await this.send(url, name, context, headers, 'manual');
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return { response, url, headers };
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.origin !== new URL(start).origin) return { response, url, headers, elsewhere: next.href };
      url = next.href;
    }
    throw unreachable(`${name.host} redirects in a circle when it is asked for ${shown(name)}.`);
  }

  /**
   * The token everybody gets, by the challenge `Bearer realm="…",service="…",scope="…"`. It is asked for without
   * credentials, at an address that is as safe as the registry's own.
   */
  private async newToken(response: Response, name: Name, context: SourceContext): Promise<string | undefined> {
    const challenge = response.headers.get('www-authenticate') ?? '';
    const { realm, service, scope } = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    ) as { realm?: string; service?: string; scope?: string };
    if (!/^bearer\s/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
    const url = new URL(realm);
    const own = new URL(originOf(name.host, this.settings));
    if (url.protocol !== 'https:' && url.hostname !== own.hostname)
      throw denied(`${name.host} sends to ${url.host} for a token, without encryption. That is not done.`);
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', scope ?? `repository:${name.namespace}/${name.model}:pull`);
    const answer = await this.send(url.href, name, context, {}, 'error');
    if (!answer.ok) return void (await answer.body?.cancel());
    const { token, access_token: other } = JSON.parse(await readText(answer, name, context)) as {
      token?: string;
      access_token?: string;
    };
    await response.body?.cancel();
    return token ?? other;
  }

  private async send(
    url: string,
    name: Name,
    { signal, fetch }: SourceContext,
    headers: Record<string, string>,
    redirect: 'manual' | 'follow' | 'error',
  ): Promise<Response> {
    const limit = AbortSignal.timeout(answerLimitMs);
    try {
      return await fetch(url, { headers, redirect, signal: AbortSignal.any([signal, limit]) });
    } catch (error) {
      if (LaminaError.is(error)) throw error;
      if (signal.aborted) throw new LaminaError('ABORTED', {}, { cause: error });
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      const why = limit.aborted
        ? `it gave no answer within ${answerLimitMs / 1000} s`
        : (cause?.code ?? cause?.message ?? (error as Error).message);
      throw unreachable(
        `${new URL(url).host} cannot be reached for ${shown(name)}: ${why}. Check the connection and the name of the registry.`,
        {},
        error,
      );
    }
  }
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** Manifests and the small blobs are a few KiB; what is much larger is none. */
async function readText(response: Response, name: Name, { signal }: SourceContext): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > largestText)
        throw unreachable(
          `${name.host} answers with far more than a manifest when it is asked for ${shown(name)}. Is it a registry?`,
        );
      pieces.push(piece);
    }
  } catch (error) {
    if (LaminaError.is(error)) throw error;
    throw signal.aborted
      ? new LaminaError('ABORTED', {}, { cause: error })
      : unreachable(`${name.host} broke off its answer about ${shown(name)}. Try again.`, {}, error);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
