// Converts the tools of a chat to the library's format.
import { grammarSchema } from './json-schema.js';
import { RequestError } from './errors.js';
import type { ChatRequest } from './requests.js';

type Tool = NonNullable<ChatRequest['tools']>[number];

/** The tools of the request, as functions of the library, and whether one must be called. */
export interface Tools {
  readonly tools: Tool[];
  readonly functions: Readonly<Record<string, { readonly description?: string; readonly params?: unknown }>>;
  readonly mustCall: boolean;
}

/** Reads `tools` and `tool_choice`. @throws RequestError when a missing tool is chosen */
export function toolsFor({ tools = [], tool_choice = 'auto' }: ChatRequest): Tools {
  if (tool_choice === 'none') return { tools: [], functions: {}, mustCall: false };
  const named = typeof tool_choice === 'string' ? undefined : tool_choice.function.name;
  const callable = tools.filter(({ function: { name } }) => named === undefined || name === named);
  const mustCall = tool_choice !== 'auto';
  if (mustCall && callable.length === 0)
    throw new RequestError(
      400,
      named === undefined
        ? 'A tool must be called, and there is none.'
        : `The tool "${named}" must be called, and it is not among the tools.`,
      { param: 'tool_choice' },
    );
  return { tools: callable, functions: Object.fromEntries(callable.map(functionOf)), mustCall };
}

function functionOf({ function: { name, description, parameters } }: Tool): [string, Tools['functions'][string]] {
  const hasParameters = Object.keys((parameters as { properties?: object } | undefined)?.properties ?? {}).length > 0;
  return [
    name,
    {
      ...(description === undefined ? {} : { description }),
      ...(hasParameters ? { params: grammarSchema(parameters) } : {}),
    },
  ];
}
