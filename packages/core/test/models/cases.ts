// The number of random cases of a property: few by default, LAMINA_FUZZ_CASES to run more.

/** Number of cases for one property. */
export function cases(usual: number): number {
  const wanted = Number(process.env['LAMINA_FUZZ_CASES']);
  return Number.isInteger(wanted) && wanted > 0 ? wanted : usual;
}
