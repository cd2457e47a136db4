// How a class is bound: its dependencies are the tokens of its constructor's parameters, in order.

/**
 * A factory for `toResolvedValue`: `bind(Suggester).toResolvedValue(make(Suggester), [tokens.Models, …])`. A token too
 * many, too few or of another type does not compile.
 */
export function make<Parameters extends unknown[], T>(
  type: new (...parameters: Parameters) => T,
): (...parameters: Parameters) => T {
  return (...parameters) => new type(...parameters);
}
