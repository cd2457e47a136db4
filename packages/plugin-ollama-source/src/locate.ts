// Where a blob is just now: at the registry itself, or at a signed address that it redirects to.
import type { Location, PlanFile, SourceContext } from '@lamina/core/plugin';
import { unreachable } from './errors.js';
import { nameOf } from './name.js';
import type { Registries } from './registry.js';

/**
 * Asks the registry for a blob of a plan.
 * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `MODEL_NOT_FOUND`
 */
export async function locateBlob(registries: Registries, file: PlanFile, context: SourceContext): Promise<Location> {
  const key = 'key' in file.from ? file.from.key : '';
  const [, model = '', digest = ''] = /^(.+)@(sha256:[0-9a-f]{64})$/.exec(key) ?? [];
  const name = model === '' ? undefined : nameOf({ model });
  if (name === undefined)
    throw unreachable(`The download of ${file.path} was begun by another version of this plugin. Start it again.`);
  const { url, headers, elsewhere } = await registries.find(name, digest, context);
  if (elsewhere === undefined) return { url, headers };
  const expiresAt = expiryOf(elsewhere);
  return { url: elsewhere, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** When an address signed as S3's ends, in milliseconds since the epoch. */
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
