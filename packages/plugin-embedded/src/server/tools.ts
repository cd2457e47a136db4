// The tools a chat may call, as the library has them.
import { grammarSchema } from './json-schema.js';
import { RequestError } from './errors.js';
import type { ChatRequest } from './requests.js';

type Tool = NonNullable<ChatRequest['tools']>[number];

/** Tools as they were given, as functions of the library, and whether one of them must be called. */
export interface Tools {
  readonly tools: Tool[];
  readonly functions: Readonly<Record<string, { readonly description?: string; readonly params?: unknown }>>;
  readonly mustCall: boolean;
}

/** What `tools` and `tool_choice` come to. @throws RequestError when a tool is chosen that is not there */
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
