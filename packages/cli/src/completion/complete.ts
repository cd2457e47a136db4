// What can be typed next: the candidates for the last word of a command line.
import type { Argument, Command, Option } from 'commander';
import type { GlobalOptions } from '../global-options.js';

/** A word that can be typed. */
export interface Candidate {
  readonly text: string;
  readonly description?: string;
}

/** In place of candidates: the shell completes file names. */
const files: readonly Candidate[] = [{ text: ':files' }];
const modelArguments = new Set(['model', 'models', 'model|reference', 'download|model']);
const fileArguments = new Set(['path', 'file', 'directory']);

/** What the words before the last one mean. */
interface Line {
  readonly command: Command;
  readonly operands: readonly string[];
  readonly options: GlobalOptions;
  /** The last word is the value of this option. */
  readonly open: Option | undefined;
}

/**
 * The candidates that begin with the last of the words; `modelNames` reads the names of models, when they are needed.
 * Words are those after `lamina`.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  modelNames: (options: GlobalOptions) => Promise<readonly string[]>,
): Promise<readonly Candidate[]> {
  const last = words.at(-1) ?? '';
  const line = read(program, words.slice(0, -1));
  const candidates = await candidatesFor(line, last, program, modelNames);
  return candidates === files ? files : candidates.filter(({ text }) => text.startsWith(last));
}

function read(program: Command, words: readonly string[]): Line {
  let [command, open]: [Command, Option | undefined] = [program, undefined];
  const operands: string[] = [];
  const options: Record<string, unknown> = {};
  for (const word of words) {
    const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (open !== undefined) {
      options[open.attributeName()] = word;
      open = undefined;
    } else if (word.startsWith('-')) {
      const [flag, value] = word.split(/=(.*)/s) as [string, string?];
      const option = optionsOf(command, program).find(({ short, long }) => short === flag || long === flag);
      if (value !== undefined && option !== undefined) options[option.attributeName()] = value;
      else if (option?.required === true) open = option;
    } else if (child !== undefined && operands.length === 0) command = child;
    else operands.push(word);
  }
  return { command, operands, options, open };
}

async function candidatesFor(
  { command, operands, options, open }: Line,
  last: string,
  program: Command,
  modelNames: (options: GlobalOptions) => Promise<readonly string[]>,
): Promise<readonly Candidate[]> {
  if (open !== undefined) return valuesOf(open.argChoices, /<(.*)>/.exec(open.flags)?.[1]);
  if (last.startsWith('-'))
    return optionsOf(command, program).map(({ short, long, description }) => ({ text: (long ?? short)!, description }));
  const commands = operands.length > 0 ? [] : command.createHelp().visibleCommands(command);
  const argument = argumentAt(command, operands.length);
  const names = modelArguments.has(argument?.name() ?? '') ? await modelNames(options) : [];
  const models = names.filter((name) => !operands.includes(name)).map((text) => ({ text }));
  const values = models.length > 0 ? models : valuesOf(argument?.argChoices, argument?.name());
  const named = commands.map((one) => ({ text: one.name(), description: one.description() }));
  return values === files ? files : [...named, ...values];
}

/** The last argument may take all that follow. */
function argumentAt({ registeredArguments: all }: Command, index: number): Argument | undefined {
  const last = all.at(-1);
  return all[index] ?? (last?.variadic === true ? last : undefined);
}

function valuesOf(choices: readonly string[] | undefined, name = ''): readonly Candidate[] {
  if (choices !== undefined) return choices.map((text) => ({ text }));
  return fileArguments.has(name) ? files : [];
}

/** Those of the command and of all commands, as its help shows them. */
function optionsOf(command: Command, program: Command): readonly Option[] {
  const visible = command.createHelp().visibleOptions(command);
  return command === program ? visible : [...visible, ...program.options];
}
