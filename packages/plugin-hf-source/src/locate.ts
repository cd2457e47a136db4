// Where a file is just now: the Hub is asked, and answers with the bytes or with a signed address elsewhere.
import type { DownloadPlan, Location, PlanFile, SourceContext } from '@lamina/core/plugin';
import { unreachable } from './errors.js';
import { expiryOf } from './expiry.js';
import { authorization, type Hub } from './hub.js';

/**
 * Asks the Hub for a file of a plan and gives the address of the bytes. A GET of one byte, for addresses may be signed
 * for one method. What the Hub says of the file (`X-Linked-*`, on its own answer; elsewhere the ETag is another hash)
 * must be what was planned.
 * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `MODEL_NOT_FOUND`
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
    throw unreachable(`The download of ${file.path} was begun by another version of this plugin. Start it again.`);
  const subject = {
    repo,
    path: decodeURIComponent(path!),
    ...(plan.revision === undefined ? {} : { revision: plan.revision }),
  };
  const { response, url, token, elsewhere } = await hub.ask(`${hub.endpoint}/${key}`, subject, context, {
    range: 'bytes=0-0',
    'accept-encoding': 'identity',
  });
  await response.body?.cancel();
  checkPromise(response.headers, file, repo);
  if (elsewhere === undefined) return { url, headers: authorization(token) };
  const expiresAt = expiryOf(elsewhere);
  return { url: elsewhere, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

function checkPromise(headers: Headers, { path, bytes, sha256 }: PlanFile, repo: string): void {
  const size = headers.get('x-linked-size');
  const etag = headers.get('x-linked-etag')?.replace(/^W\/|"/g, '');
  const otherSize = size !== null && bytes !== undefined && Number(size) !== bytes;
  const otherHash = etag !== undefined && /^[0-9a-f]{64}$/.test(etag) && sha256 !== undefined && etag !== sha256;
  if (otherSize || otherHash)
    throw unreachable(
      `The Hub now gives other bytes for ${path} of ${repo} than its list of files says (${otherSize ? `${size} bytes, not ${bytes}` : 'another SHA-256'}). If HF_ENDPOINT names a mirror, it is out of step: try again in a while, or go on without it.`,
    );
}
