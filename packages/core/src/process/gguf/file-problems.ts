// What llama.cpp prints about a GGUF file it cannot use, as a clause that follows "the file …".

type Clause = (match: RegExpExecArray, engine: string) => string;

const incomplete = 'the download may have ended early: fetch it again';

/**
 * Looked for in this order: the first that any line has says it best. Lines from gguf.cpp, llama-model-loader.cpp and
 * llama-model.cpp.
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
    ([, path]) => `lacks its part ${path}; every part must lie beside the first, whole and under its original name`,
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
  [
    /failed to read (?:key-value pairs|tensor info|tensor data|header)/,
    () => `breaks off within its header; ${incomplete}`,
  ],
  [/tensor '.*' data is not within the file bounds/, () => `breaks off before the last of its weights; ${incomplete}`],
  [
    /(?:tensor '(.+)' not found|missing tensor '(.+)')/,
    ([, name, other]) => `lacks the tensor ${name ?? other}; it was made for another version of llama.cpp, or badly`,
  ],
  [
    /tensor '(.+)' has wrong shape/,
    ([, name]) => `has a tensor ${name} of another shape than its header says; it was made badly`,
  ],
  [/failed to open(?: GGUF file)? '.*'.*No such file or directory/, () => 'does not exist'],
  [
    /failed to open(?: GGUF file)? '.*'.*Permission denied/,
    () => 'may not be read by this user; change its permissions',
  ],
];

/**
 * The clause for what these lines say of a file; `undefined` when they say nothing known. `engine` is how a sentence
 * calls the engine: `this llama-server`.
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
