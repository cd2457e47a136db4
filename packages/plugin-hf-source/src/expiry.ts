// When a signed address ends, as the object stores behind the Hub write it.

/** Milliseconds since the epoch; `undefined` when the address does not say. */
export function expiryOf(url: string): number | undefined {
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
