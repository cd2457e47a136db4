// Resolves a file of a plan to its current URL: at the Hub, or a signed one at its object storage.
import type { DownloadPlan, Location, PlanFile, SourceContext } from '@lamina/core/plugin';
import { unreachable } from './errors.js';
import { authorization, type Hub } from './hub.js';

/**
 * Requests one byte of the file, with GET because a URL can be signed for one method only, and checks that size and
 * SHA-256 are those of the plan (`X-Linked-*` of the Hub's own response; the ETag of the storage is another hash).
 * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_MODEL_NOT_FOUND`
 */
export async function locateFile(
  hub: Hub,
  file: PlanFile,
  plan: DownloadPlan,
  context: SourceContext,
): Promise<Location> {
  const key = 'key' in file.from ? file.from.key : '';
  const [, repo, path] = /^(.+?)\/resolve\/[0-9a-f]{40}\/(.+)$/.exec(key) ?? [];
  if (repo === undefined)
    throw unreachable(
      `The download of ${file.path} was started by another version of this plugin. Cancel it and start it again.`,
    );
  const subject = {
    repo,
    path: decodeURIComponent(path!),
    ...(plan.revision === undefined ? {} : { revision: plan.revision }),
  };
  const { response, url, token, redirectedTo } = await hub.request(`${hub.endpoint}/${key}`, subject, context, {
    range: 'bytes=0-0',
    'accept-encoding': 'identity',
  });
  await response.body?.cancel();
  checkUnchanged(response.headers, file, repo);
  if (redirectedTo === undefined) return { url, headers: authorization(token) };
  const expiresAt = expiryOf(redirectedTo);
  return { url: redirectedTo, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

function checkUnchanged(headers: Headers, { path, bytes, sha256 }: PlanFile, repo: string): void {
  const size = headers.get('x-linked-size');
  const etag = headers.get('x-linked-etag')?.replace(/^W\/|"/g, '');
  const otherSize = size !== null && bytes !== undefined && Number(size) !== bytes;
  const otherHash = etag !== undefined && /^[0-9a-f]{64}$/.test(etag) && sha256 !== undefined && etag !== sha256;
  if (otherSize || otherHash)
    throw unreachable(
      `The Hub now has another version of ${path} in ${repo} than its file list says (${otherSize ? `${size} bytes, not ${bytes}` : 'another SHA-256'}). If HF_ENDPOINT is a mirror, it may be out of date: try again later, or without it.`,
    );
}

/** When a signed URL expires, in milliseconds since the epoch; `undefined` when it does not contain that. */
function expiryOf(url: string): number | undefined {
  const { searchParams } = new URL(url);
  const seconds = searchParams.get('Expires');
  if (seconds !== null && /^\d{9,11}$/.test(seconds)) return Number(seconds) * 1000;
  const [, date, time, zone] = /^(\d{8})T(\d{6})(Z)$/.exec(searchParams.get('X-Amz-Date') ?? '') ?? [];
  const lasts = Number(searchParams.get('X-Amz-Expires') ?? Number.NaN);
  if (date === undefined || !Number.isFinite(lasts)) return undefined;
  const began = Date.parse(
    `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time!.replace(/(..)(..)(..)/, '$1:$2:$3')}${zone}`,
  );
  return Number.isNaN(began) ? undefined : began + lasts * 1000;
}
