// Explains in a sentence a person can act on why the engine ended, from its output.
import { firstMatch, ggufProblem, type Model } from '@lamina/core/plugin';

interface EngineEnd {
  readonly model: Model;
  readonly exit: { readonly code: number | null; readonly signal: string | null; readonly outOfMemory?: boolean };
}

type Sentence = (match: RegExpExecArray, path: string) => string;

const remedy = 'Lower context_length or parallel, or choose a smaller model.';

/**
 * Matched in this order, before and after the problems of GGUF files. Lines that begin with `failed:` are the last ones
 * of the engine and contain the library's error.
 */
const failures: readonly (readonly [pattern: RegExp, sentence: Sentence])[] = [
  [
    /listen EADDRINUSE.*:(\d+)/,
    ([, port]) => `Port ${port} of 127.0.0.1 is in use by another program; the next start tries another port.`,
  ],
  [
    /failed: .*Cannot find (?:module|package) '(.+?)'/,
    ([, name]) =>
      `node-llama-cpp is incomplete: ${name} is missing. Delete its directory, and the next start installs it again.`,
  ],
  [
    /failed: .*NoBinaryFoundError/,
    () =>
      'The build of node-llama-cpp that is installed does not run on this machine. Install llama.cpp instead, or choose another "gpu".',
  ],
  [
    /failed: .*Invalid GGUF magic\. Expected "GGUF" but got "\0*"/,
    (_, path) => `${path} is empty or contains only zeros; download it again.`,
  ],
  [
    /failed: .*Invalid GGUF magic\. Expected "GGUF" but got "(.*)"/,
    ([, magic], path) => `${path} is not GGUF: it begins with "${magic}".`,
  ],
  [/failed: .*ENOENT/, (_, path) => `${path} does not exist.`],
  [/failed: .*EACCES/, (_, path) => `${path} is not readable for this user; change its permissions.`],
];

const laterFailures: readonly (readonly [pattern: RegExp, sentence: Sentence])[] = [
  [
    /failed: .*?(A context size of .* is too large for the available \w+)/,
    ([, what]) => `There is not enough memory: ${what}. ${remedy}`,
  ],
  [
    /failed: .*(?:Failed to create context|InsufficientMemory|[Nn]ot enough memory)/,
    () => `There is not enough memory for a context this long. ${remedy}`,
  ],
  [/failed: .*Failed to load model/, (_, path) => `llama.cpp refused ${path}; it may be damaged: download it again.`],
  [
    /JavaScript heap out of memory/,
    () => 'Node ran out of memory; give it more with default_args: ["--max-old-space-size=4096"].',
  ],
];

/** Why the engine ended, as one sentence; `undefined` when it is not known. */
export function explain(output: readonly string[], { model, exit }: EngineEnd): string | undefined {
  if (exit.outOfMemory === true) return `The system killed the embedded engine because memory ran out. ${remedy}`;
  if (exit.signal !== null && exit.signal !== 'SIGABRT') return reasonOfSignal(exit.signal);
  const path = model.files.find(({ role }) => role === 'weights')?.path ?? 'The model file';
  const problem = ggufProblem(output, 'the embedded engine');
  return (
    sentenceFor(failures, output, path) ??
    (problem === undefined ? undefined : `${path} ${problem}.`) ??
    sentenceFor(laterFailures, output, path) ??
    ownReason(output)
  );
}

function sentenceFor(sentences: typeof failures, output: readonly string[], path: string): string | undefined {
  for (const [pattern, sentence] of sentences) {
    const match = firstMatch(output, pattern);
    if (match !== undefined) return sentence(match, path);
  }
  return undefined;
}

function ownReason(output: readonly string[]): string | undefined {
  const [, words] = firstMatch(output, /^failed: (?:\w*Error: )?(.+)/) ?? [];
  return words === undefined ? undefined : `The embedded engine failed: ${words.replace(/[.\s]+$/, '')}.`;
}

function reasonOfSignal(signal: string): string | undefined {
  if (signal === 'SIGILL')
    return 'The embedded engine was built for a newer processor than this one. Install llama.cpp for this machine.';
  if (signal === 'SIGSEGV' || signal === 'SIGBUS')
    return `The embedded engine crashed (${signal}). The model file may be damaged: download it again; or install llama.cpp.`;
  return undefined;
}
