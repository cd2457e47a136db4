// The number of random cases of a property: few by default, LAMINA_FUZZ_CASES to run more.

/** Number of cases for one property. */
export function cases(usual: number): number {
  const requested = Number(process.env['LAMINA_FUZZ_CASES']);
  return Number.isInteger(requested) && requested > 0 ? requested : usual;
}
