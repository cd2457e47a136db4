// Explains why an engine written in Python ended: known failures, errors of argparse, else its last exception.
import type { Model } from '../contract/models.js';
import type { ProcessDescription } from './description.js';

/** A pattern for the output of such an engine, and a sentence that says what it means and what to do. */
export type KnownFailure = readonly [
  pattern: RegExp,
  sentence: (
    match: RegExpExecArray,
    about: { readonly model: Model; /** Without the source in tracebacks. */ readonly output: readonly string[] },
  ) => string,
];

/** The known failures of an engine. */
export interface PythonFailures {
  /** The name of the engine: `vLLM`. */
  readonly name: string;
  /**
   * Matched in this order, each against all lines except the source in tracebacks. List causes before their effects.
   */
  readonly known: readonly KnownFailure[];
  /** What to do when the system killed it for its memory: `Choose a smaller model.` */
  readonly whenKilled: string;
  /** Matches the messages of exceptions that only refer to an earlier one. */
  readonly wrapper?: RegExp;
}

/** The last line of a traceback; of pydantic's errors, which say there only that there is one, the line behind it. */
const exception =
  /(?:^|\s)(?:(?:[\w.]+\.)?\w*(?:Error|Exception): (?!\d+ validation errors? for )|Value error, )(.+?)(?: \[type=\w+, .*)?$/;

/** Makes the `explain` of such an engine. An engine that was stopped, or ended with code 0, needs no explanation. */
export function pythonFailures({
  name,
  known,
  whenKilled,
  wrapper,
}: PythonFailures): NonNullable<ProcessDescription['explain']> {
  const failures = [...known, ...argparse(name)];
  return (output, { model, exit }) => {
    if (exit.outOfMemory === true) return `The system killed ${name} because memory ran out. ${whenKilled}`;
    if (exit.code === 0 || exit.signal !== null) return undefined;
    const lines = withoutSource(output);
    const text = lines.join('\n');
    for (const [pattern, sentence] of failures) {
      const match = pattern.exec(text);
      if (match !== null) return sentence(match, { model, output: lines });
    }
    const said = lastException(lines, wrapper);
    return said === undefined ? undefined : `${name} failed: ${said}`;
  };
}

/**
 * The lines without those of tracebacks that show source: the line which raises an error holds its text too, with the
 * places still empty (`raise ValueError(f"… {path}")`). Each line may begin with the prefix of a logger.
 */
function withoutSource(output: readonly string[]): readonly string[] {
  let source: string | undefined;
  return output.filter((line) => {
    const frame = /^(.*?) {2}File ".*", line \d+/.exec(line);
    if (frame !== null) source = `${frame[1]}    `;
    else if (source !== undefined && !line.startsWith(source)) source = undefined;
    return source === undefined;
  });
}

/** The message of the last exception in these lines, as a sentence; those that `wrapper` matches are passed over. */
export function lastException(output: readonly string[], wrapper?: RegExp): string | undefined {
  const words = output
    .map((line) => exception.exec(line)?.[1]?.trim())
    .findLast((said) => said !== undefined && said !== '' && wrapper?.test(said) !== true);
  return words?.replace(/\.?$/, '.');
}

/** The library that reads the command line of almost every program in Python. */
function argparse(name: string): readonly KnownFailure[] {
  return [
    [
      /unrecognized arguments: (.+)/,
      ([, args]) =>
        `This ${name} does not know the arguments ${args}; leave the options they come from out, or use a newer one.`,
    ],
    [
      /error: argument (\S+): (.+)/,
      ([, flag, problem]) => `${name} refuses the value of ${flag}: ${problem?.replace(/\.?$/, '.')}`,
    ],
  ];
}
