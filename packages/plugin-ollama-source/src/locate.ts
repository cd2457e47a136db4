// Resolves a file of a plan to its current URL: at the registry, or a signed one that it redirects to.
import type { Location, PlanFile, SourceContext } from '@lamina/core/plugin';
import { unreachable } from './errors.js';
import { nameOf } from './name.js';
import type { Registries } from './registry.js';

/**
 * Requests one byte of the blob from the registry.
 * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_MODEL_NOT_FOUND`
 */
export async function locateBlob(registries: Registries, file: PlanFile, context: SourceContext): Promise<Location> {
  const key = 'key' in file.from ? file.from.key : '';
  const [, model = '', digest = ''] = /^(.+)@(sha256:[0-9a-f]{64})$/.exec(key) ?? [];
  const name = model === '' ? undefined : nameOf({ model });
  if (name === undefined)
    throw unreachable(
      `The download of ${file.path} was started by another version of this plugin. Cancel it and start it again.`,
    );
  const { url, headers, redirectedTo } = await registries.locate(name, digest, context);
  if (redirectedTo === undefined) return { url, headers };
  const expiresAt = expiryOf(redirectedTo);
  return { url: redirectedTo, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** When a URL signed as by S3 expires, in milliseconds since the epoch; `undefined` when it does not contain that. */
function expiryOf(url: string): number | undefined {
  const { searchParams } = new URL(url);
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(searchParams.get('X-Amz-Date') ?? '') ?? [];
  const lasts = Number(searchParams.get('X-Amz-Expires') ?? Number.NaN);
  if (year === undefined || !Number.isFinite(lasts)) return undefined;
  return (
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) + lasts * 1000
  );
}
