// What the engines print, kept per model.

/** A line that the engine of a model printed, or a note of Lamina between such lines. */
export interface EngineLogLine {
  /** Counts the lines of a model from 1, without gaps; begins again when Lamina restarts. */
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  /** `lamina`: the engine did not print it, Lamina notes that the engine is being started. */
  readonly stream: 'stdout' | 'stderr' | 'lamina';
  /** At most 2,000 characters; a longer line is cut and ends with ` …`. The key of the engine is `[redacted]`. */
  readonly text: string;
}

/** A line as `follow` returns it. */
export interface FollowedLogLine extends EngineLogLine {
  /**
   * How many lines between the line before and this one are no longer kept, because they were read too slowly; missing
   * when there are none.
   */
  readonly dropped?: number;
}

/** Which lines to return. */
export interface EngineLogRange {
  /** The number of the last line that the caller has: only later lines. A number that is too high counts as 0. */
  readonly after?: number;
  /** At most so many of the kept lines: the newest ones, or with `after` the next ones. Default: all. */
  readonly limit?: number;
}

/**
 * What the engines print. The last 1,000 lines of each model are kept in memory, across restarts of its engine, until the
 * model is removed or Lamina closes. An alias, an adapter or a preset has the lines of the model that serves it.
 */
export interface EngineLogs {
  /**
   * The kept lines of a model, oldest first.
   * @throws LaminaError `MODEL_NOT_FOUND`
   * @example
   * ```ts
   * for (const { stream, text } of lamina.logs.lines('tiny', { limit: 20 })) console.log(stream, text);
   * ```
   */
  lines(model: string, range?: EngineLogRange): readonly EngineLogLine[];
  /**
   * The kept lines of a model, and then each new one. `limit` counts kept lines only, and is ignored with `after`. Nothing
   * is stored for a reader: one that is slower than the engine gets the oldest line that is still kept, with the number of
   * lines it missed in `dropped`. It ends when the signal is aborted, the model is removed, or Lamina has closed.
   * @throws LaminaError `MODEL_NOT_FOUND`, at once
   * @example
   * ```ts
   * for await (const { text, dropped = 0 } of lamina.logs.follow('tiny', { limit: 0, signal })) {
   *   if (dropped > 0) console.log(`(${dropped} lines missed)`);
   *   console.log(text);
   * }
   * ```
   */
  follow(model: string, options: EngineLogRange & { readonly signal: AbortSignal }): AsyncIterable<FollowedLogLine>;
}
