// Explains what llama.cpp prints about a GGUF file it cannot use, as a clause that follows "the file …".

type Clause = (match: RegExpExecArray, engine: string) => string;

const incomplete = 'the download may be incomplete: download it again';

/**
 * Matched in this order, most specific first. The lines come from gguf.cpp, llama-model-loader.cpp and llama-model.cpp.
 */
const problems: readonly (readonly [pattern: RegExp, clause: Clause])[] = [
  [
    /illegal split file idx: (\d+)/,
    ([, index]) => `is part ${Number(index) + 1} of a model in several parts; name the first part, -00001-of-…`,
  ],
  [
    /invalid split file name/,
    () =>
      'is part of a model in several parts and was renamed; give all parts their original names, …-00001-of-0000N.gguf',
  ],
  [
    /failed to load GGUF split from (.+)/,
    ([, path]) => `lacks its part ${path}; all parts must be complete, in one directory, and have their original names`,
  ],
  [
    /unknown model architecture: '(.*)'/,
    ([, name], engine) =>
      `holds a model of the architecture "${name}", which ${engine} does not know; a newer build may`,
  ],
  [
    /unknown (?:pre-)?tokenizer(?: type)?: '(.*)'/,
    ([, name], engine) => `has the tokenizer "${name}", which ${engine} does not know; a newer build may`,
  ],
  [
    /this GGUF file is version (\d+)/,
    ([, version], engine) =>
      `is written in version ${version} of GGUF, which ${engine} does not read; a newer build may`,
  ],
  [/invalid magic characters: '(.*)', expected/, ([, magic]) => `is not GGUF: it begins with "${magic}"`],
  [/failed to read magic/, () => 'is empty, or a directory'],
  [/failed to read (?:key-value pairs|tensor info|tensor data|header)/, () => `ends within its header; ${incomplete}`],
  [/tensor '.*' data is not within the file bounds/, () => `ends before the last of its weights; ${incomplete}`],
  [
    /(?:tensor '(.+)' not found|missing tensor '(.+)')/,
    ([, name, other]) =>
      `lacks the tensor ${name ?? other}; it was made for another version of llama.cpp, or is damaged`,
  ],
  [
    /tensor '(.+)' has wrong shape/,
    ([, name]) => `has a tensor ${name} whose shape differs from its header; it is damaged`,
  ],
  [/failed to open(?: GGUF file)? '.*'.*No such file or directory/, () => 'does not exist'],
  [
    /failed to open(?: GGUF file)? '.*'.*Permission denied/,
    () => 'is not readable for this user; change its permissions',
  ],
];

/**
 * The clause for these lines; `undefined` when none is known. `engine` is the engine in a sentence: `this llama-server`.
 */
export function ggufProblem(lines: readonly string[], engine: string): string | undefined {
  for (const [pattern, clause] of problems) {
    const match = firstMatch(lines, pattern);
    if (match !== undefined) return clause(match, engine);
  }
  return undefined;
}

/** The first line that matches, as its match. */
export function firstMatch(lines: readonly string[], pattern: RegExp): RegExpExecArray | undefined {
  for (const line of lines) {
    const match = pattern.exec(line);
    if (match !== null) return match;
  }
  return undefined;
}
