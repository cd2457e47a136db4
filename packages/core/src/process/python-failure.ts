// Why an engine that is written in Python gave up: what its author knows, what argparse says, else its own last
// exception.
import type { Model } from '../contract/models.js';
import type { ProcessDescription } from './description.js';

/** A text that such an engine prints, and what it means, as a sentence that says what to do. */
export type KnownFailure = readonly [
  pattern: RegExp,
  sentence: (
    match: RegExpExecArray,
    about: { readonly model: Model; /** Without the source in tracebacks. */ readonly output: readonly string[] },
  ) => string,
];

/** What an author says of the failures of an engine. */
export interface PythonFailures {
  /** What people call the engine: `vLLM`. */
  readonly name: string;
  /**
   * Looked for in this order, each in all lines but the source in tracebacks: the cause stands above the last one, what
   * follows from it below.
   */
  readonly known: readonly KnownFailure[];
  /** What to do when it was killed for its memory: `Choose a smaller model.` */
  readonly whenKilled: string;
  /** What exceptions say that tell nothing but that there was another before. */
  readonly wrapper?: RegExp;
}

/** The last line of a traceback; of pydantic's errors, which say there only that there is one, the line behind it. */
const exception =
  /(?:^|\s)(?:(?:[\w.]+\.)?\w*(?:Error|Exception): (?!\d+ validation errors? for )|Value error, )(.+?)(?: \[type=\w+, .*)?$/;

/** Makes the `explain` of such an engine. One that was told to end, or ended well, has no reason. */
export function pythonFailures({
  name,
  known,
  whenKilled,
  wrapper,
}: PythonFailures): NonNullable<ProcessDescription['explain']> {
  const failures = [...known, ...argparse(name)];
  return (output, { model, exit }) => {
    if (exit.signal === 'SIGKILL')
      return `${name} was killed (SIGKILL); if nobody did that, memory ran out. ${whenKilled}`;
    if (exit.code === 0 || exit.signal !== null) return undefined;
    const lines = withoutSource(output);
    const text = lines.join('\n');
    for (const [pattern, sentence] of failures) {
      const match = pattern.exec(text);
      if (match !== null) return sentence(match, { model, output: lines });
    }
    const said = lastException(lines, wrapper);
    return said === undefined ? undefined : `${name} gave up: ${said}`;
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
