// Tools and the choice of a tool, in the form of chat completions.
import { isMapping } from '@lamina/core/plugin';
import { invalid } from './errors.js';
import type { Fields } from './fields.js';

interface FunctionTool {
  readonly type: 'function';
  readonly function: { readonly name: string };
}

/** The fields of a chat that say which tools the model may call. */
export interface ToolFields {
  readonly tools?: readonly FunctionTool[];
  readonly tool_choice?: string;
  readonly parallel_tool_calls?: boolean;
}

const modes: readonly unknown[] = ['auto', 'none', 'required'];

/**
 * The functions among the tools. Tools that only OpenAI runs, and lists of tools of another type, are left out: clients
 * offer them to every server.
 * @throws LaminaError `REQUEST_INVALID` for a choice that is none of the functions
 */
export function readTools({ tools, tool_choice: choice, parallel_tool_calls: parallel }: Fields): ToolFields {
  const offered = ((tools ?? []) as readonly Fields[]).filter(({ type }) => type === 'function').map(readFunction);
  const [chosen, mode] = choose(offered, choice ?? 'auto');
  if (chosen.length === 0) {
    if (mode === 'required')
      throw invalid('"tool_choice" requires a call, but "tools" has no function.', 'tool_choice');
    return {};
  }
  return {
    tools: chosen,
    tool_choice: mode,
    ...(typeof parallel === 'boolean' ? { parallel_tool_calls: parallel } : {}),
  };
}

function readFunction({ name, description, parameters, strict }: Fields): FunctionTool {
  if (typeof name !== 'string') throw invalid('A function in "tools" has no "name".', 'tools');
  const optional = { description, parameters, strict };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined && value !== null);
  return { type: 'function', function: { name, ...Object.fromEntries(given) } };
}

/** The tools to offer, and whether one must be called. Not every engine knows a choice by name, so others are left out. */
function choose(offered: readonly FunctionTool[], choice: unknown): [readonly FunctionTool[], string] {
  if (modes.includes(choice)) return [offered, choice as string];
  if (isMapping(choice) && choice['type'] === 'function') return [[named(offered, choice)], 'required'];
  if (isMapping(choice) && choice['type'] === 'allowed_tools' && Array.isArray(choice['tools'])) {
    const functions = choice['tools'].filter((tool) => isMapping(tool) && tool['type'] === 'function') as Fields[];
    return [functions.map((tool) => named(offered, tool)), choice['mode'] === 'required' ? 'required' : 'auto'];
  }
  throw invalid(`The tool_choice ${JSON.stringify(choice)} is not supported. Choose a function.`, 'tool_choice');
}

function named(offered: readonly FunctionTool[], { name }: Fields): FunctionTool {
  const found = offered.find((tool) => tool.function.name === name);
  if (found === undefined)
    throw invalid(`"tool_choice" names ${JSON.stringify(name)}, which is no function in "tools".`, 'tool_choice');
  return found;
}
