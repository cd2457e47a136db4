// Finds an engine that is a Python package, by its script or by a Python that has the module, without importing it.
import { open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LaminaError } from '../contract/errors.js';
import { unlessShortage } from '../kernel/shortage.js';
import type { FoundEngine, ProbeTools, ProcessDescription } from './description.js';

/** An engine that comes as a Python package. */
export interface PythonProgram {
  /** The name of its console script: `vllm`. */
  readonly script: string;
  /** The module for `python -m` when there is no script. */
  readonly module: string;
  /** The package that must be present: `vllm`. */
  readonly package: string;
  /**
   * A regular expression, valid in Python and JavaScript, for the names of its distributions: `vllm(-cpu)?`.
   */
  readonly distribution: string;
}

/** The parts of a description that find such an engine. */
export type PythonEngineParts = Required<
  Pick<ProcessDescription, 'executable' | 'candidates' | 'version' | 'probe'>
> & {
  /** The arguments that run the program: none for its script, `-m <module>` for a Python. */
  start(engine: FoundEngine): readonly string[];
};

const isPython = (path: string) => /^python[\d.]*$/.test(basename(path));

/**
 * Searches the active virtual environment and conda environment, then PATH; in each for the script, then for a Python
 * that has the package. `executable` can name either. The version comes from the package's metadata, because importing
 * the package can take half a minute; the facts are `{ distribution }`, its name in lower case, `''` when it is unknown.
 */
export function pythonEngine(program: PythonProgram): PythonEngineParts {
  return {
    executable: program.script,
    candidates: ({ VIRTUAL_ENV, CONDA_PREFIX }) => {
      const folders = [VIRTUAL_ENV, CONDA_PREFIX]
        .filter((folder): folder is string => folder !== undefined && folder !== '')
        .map((folder) => join(folder, 'bin'));
      const inFolders = (name: string) => folders.map((folder) => join(folder, name));
      return [...inFolders(program.script), ...inFolders('python'), program.script, 'python3', 'python'];
    },
    version: false,
    probe: (engine, tools) => probe(program, engine, tools),
    start: ({ executable }) => (isPython(executable) ? ['-m', program.module] : []),
  };
}

async function probe(
  program: PythonProgram,
  { executable }: FoundEngine,
  { run }: ProbeTools,
): Promise<Pick<FoundEngine, 'version' | 'facts'>> {
  const python = isPython(executable) ? executable : await pythonOf(executable);
  if (python === undefined)
    throw new LaminaError('NOT_SUPPORTED', {
      message: `there is no Python beside it, so it is not the ${program.script} of a Python package`,
    });
  const { code, stdout, stderr } = await run(['-c', probeScript(program)], python);
  const version = /^version=(\S*)$/m.exec(stdout)?.[1];
  if (code !== 0 || version === undefined)
    throw new LaminaError('NOT_SUPPORTED', {
      message: stderr.trim().split('\n').at(-1) ?? `${python} cannot say whether it has ${program.package}`,
    });
  const distribution = /^distribution=(\S*)$/m.exec(stdout)?.[1] ?? '';
  return { facts: { distribution }, ...(version === '' ? {} : { version }) };
}

/** Prints the name and the version of the distribution, and fails in one line when the package is not there. */
function probeScript({ package: name, distribution }: PythonProgram): string {
  return [
    'import importlib.metadata as m, importlib.util as u, re, sys',
    `u.find_spec(${JSON.stringify(name)}) or sys.exit(${JSON.stringify(`this Python has no package ${name}`)})`,
    `found = [(d.metadata["Name"].lower(), d.version) for d in m.distributions() if re.fullmatch(${JSON.stringify(distribution)}, (d.metadata["Name"] or "").lower())]`,
    'print("distribution=%s\\nversion=%s" % (found + [("", "")])[0])',
  ].join('\n');
}

/** The Python of a script: the one its first line names, else the one beside it. */
async function pythonOf(script: string): Promise<string | undefined> {
  const path = await realpath(script);
  const named = /^#!\s*(\S*python[\d.]*)\s/.exec(await firstLine(path))?.[1];
  const beside = ['python', 'python3'].map((name) => join(dirname(path), name));
  for (const candidate of named === undefined ? beside : [named, ...beside]) {
    if (await stat(candidate).then((found) => found.isFile(), unlessShortage(false))) return candidate;
  }
  return undefined;
}

async function firstLine(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
