// Work that mostly need not wait: written as an async function is, and without a promise for each of 10,000 models.

/**
 * A function of steps: `function*` stands for `async function`, `yield* wait(x)` for `await x`, `yield* other()` for
 * `await other()`.
 */
export type Steps<T> = Generator<Promise<unknown>, T>;

/** What `value` is, or will be. */
export function* wait<T>(value: T | Promise<T>): Steps<T> {
  return value instanceof Promise ? ((yield value) as T) : value;
}

/** Takes all steps: the answer is there at once when none had to wait. Throws, or rejects, what a step throws. */
export function take<T>(steps: Steps<T>): T | Promise<T> {
  const { done, value } = steps.next();
  return done === true ? value : takeLater(steps, value);
}

async function takeLater<T>(steps: Steps<T>, first: Promise<unknown>): Promise<T> {
  for (let waited = first; ;) {
    const { done, value } = await waited.then(
      (answer) => steps.next(answer),
      (error: unknown) => steps.throw(error),
    );
    if (done === true) return value;
    waited = value;
  }
}
