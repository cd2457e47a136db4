// System errors that say nothing about what was asked for: this process, or the system, is short of something for the
// moment.

/** The code of such an error → what it means and what to do, as a sentence part. */
const sentences: Readonly<Record<string, string>> = {
  EMFILE: 'too many files and connections are open in this process; close some, or raise the limit with "ulimit -n"',
  ENFILE: 'too many files are open on this system; end other programs, or raise the limit of the system',
  EAGAIN: 'the system cannot start another process or thread; end other programs, or raise the limit with "ulimit -u"',
  ENOMEM: 'the system is out of memory; end other programs',
};

/** What a system error of this kind means; `undefined` for every other value. */
export function shortageOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code !== undefined && Object.hasOwn(sentences, code) ? sentences[code] : undefined;
}

/**
 * True for an error, or one caused by an error, that passes when files, processes or memory become free (EMFILE,
 * ENFILE, EAGAIN, ENOMEM). It is no answer to "is it there?" or "does it work?", so nothing may be concluded from it or
 * remembered.
 */
export function isShortage(error: unknown): boolean {
  return (
    shortageOf(error) !== undefined || (error instanceof Error && error.cause !== undefined && isShortage(error.cause))
  );
}

/** For `promise.catch(…)`: answers with `value` for any error but a shortage, which is thrown again. */
export function unlessShortage<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isShortage(error)) throw error;
    return value;
  };
}
