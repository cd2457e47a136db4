// How many random cases a property gets: few in every test run, as many as LAMINA_FUZZ_CASES says when somebody wants
// to know.

/** Cases for one property. */
export function cases(usual: number): number {
  const wanted = Number(process.env['LAMINA_FUZZ_CASES']);
  return Number.isInteger(wanted) && wanted > 0 ? wanted : usual;
}
