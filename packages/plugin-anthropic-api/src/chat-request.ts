// Converts a request for Anthropic's API to the request of a chat.
import type { ChatRequest } from '@lamina/core/plugin';
import { invalid } from './content.js';
import { conversation } from './conversation.js';
import type { MessagesRequest } from './request.js';

/** The request of a chat. @throws LaminaError `REQUEST_INVALID` */
export function chatRequest(request: MessagesRequest): ChatRequest {
  const { model, max_tokens, temperature, top_p, top_k, stop_sequences: stop } = request;
  return {
    model,
    messages: conversation(request),
    ...given({ max_tokens, temperature, top_p, top_k, stop: stop?.length === 0 ? undefined : stop }),
    ...toolFields(request),
    ...thinkingFields(request),
    ...formatField(request),
  };
}

/** The fields that have a value. */
function given(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}

/** Tools that Anthropic's server would run are left out: coding agents offer them beside their own. */
function toolFields({ tools, tool_choice }: MessagesRequest): object {
  const own = (tools ?? []).flatMap((tool, index) => {
    const { type = 'custom', name, description, input_schema: parameters } = tool;
    if (type !== 'custom' && type !== null) return [];
    if (typeof name !== 'string') throw invalid('A name is missing.', `tools.${index}.name`);
    const schema = parameters ?? { type: 'object', properties: {} };
    return [{ type: 'function', function: { name, ...given({ description }), parameters: schema } }];
  });
  const choice = toolChoice(
    tool_choice,
    own.map(({ function: { name } }) => name),
  );
  if (own.length === 0) return {};
  return {
    tools: own,
    ...given({ tool_choice: choice }),
    ...(tool_choice?.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {}),
  };
}

function toolChoice(choice: MessagesRequest['tool_choice'], names: readonly string[]): string | object | undefined {
  if (choice === undefined || choice === null) return undefined;
  const { type, name } = choice;
  if (type === 'auto' || type === 'none') return type;
  if (type === 'any') return 'required';
  if (type !== 'tool') throw invalid('Use "auto", "any", "tool" or "none".', 'tool_choice.type');
  if (names.includes(name ?? '')) return { type: 'function', function: { name } };
  throw invalid(`"${name}" is not one of the tools, or one that only Anthropic's server has.`, 'tool_choice.name');
}

/** Levels that chat templates and engines know. The others are stronger. */
const efforts: readonly unknown[] = ['low', 'medium', 'high'];

/**
 * Templates of models that do not reason ignore both. Without `thinking`, and with `adaptive`, which coding agents send to
 * every model, the model does what it does by default.
 */
function thinkingFields({ thinking, output_config }: MessagesRequest): object {
  const { type } = thinking ?? {};
  const { effort } = output_config ?? {};
  return {
    ...(type === 'enabled' || type === 'disabled'
      ? { chat_template_kwargs: { enable_thinking: type === 'enabled' } }
      : {}),
    ...(typeof effort === 'string' ? { reasoning_effort: efforts.includes(effort) ? effort : 'high' } : {}),
  };
}

function formatField({ output_config }: MessagesRequest): object {
  const { type, schema } = output_config?.format ?? {};
  if (type !== 'json_schema') return {};
  if (schema === undefined) throw invalid('The schema is missing.', 'output_config.format.schema');
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } } };
}
