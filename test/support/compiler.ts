// Compiles programs of the documentation as if they were files of examples/.
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './root.js';

/** Shared by all programs, because most of the time goes into reading the same libraries. */
const libraries = new Map<string, ts.SourceFile | undefined>();

/**
 * Compiles all texts in one program and returns the compiler errors of each, by its name, and those elsewhere by their
 * file. A text without an error has no entry.
 */
export function compilerErrors(
  texts: ReadonlyMap<string, string>,
  overrides: ts.CompilerOptions = {},
): ReadonlyMap<string, readonly string[]> {
  const nameOf = (path: string) => path.slice(join(root, 'examples/').length);
  const isText = (path: string) => path.startsWith(join(root, 'examples/')) && texts.has(nameOf(path));
  const { options } = ts.getParsedCommandLineOfConfigFile(
    join(root, 'examples/tsconfig.json'),
    { noEmit: true, composite: false, incremental: false, ...overrides },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  )!;
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (path, version, ...rest) => {
    if (isText(path)) return ts.createSourceFile(path, texts.get(nameOf(path))!, version);
    if (!libraries.has(path)) libraries.set(path, getSourceFile(path, version, ...rest));
    return libraries.get(path);
  };
  host.fileExists = (path) => isText(path) || fileExists(path);
  const program = ts.createProgram(
    [...texts.keys()].map((name) => join(root, 'examples', name)),
    options,
    host,
  );
  const errors = new Map<string, string[]>();
  for (const { file, messageText } of ts.getPreEmitDiagnostics(program)) {
    const name = file === undefined ? '' : isText(file.fileName) ? nameOf(file.fileName) : file.fileName;
    errors.set(name, [...(errors.get(name) ?? []), ts.flattenDiagnosticMessageText(messageText, ' ')]);
  }
  return errors;
}
