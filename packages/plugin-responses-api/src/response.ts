// The response object: what was asked, what came of it, and the token counts.
/* eslint-disable no-restricted-syntax -- the API has null where there is no value */
import { isMapping, type Usage } from '@lamina/core/plugin';
import type { ResponsesBody } from './body.js';

/** How far a response is. */
export interface ResponseState {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  readonly output: readonly object[];
  /** Why it is incomplete: `max_output_tokens`, `content_filter`. */
  readonly incompleteReason?: string;
  readonly error?: object;
  readonly usage?: Usage | undefined;
  /** Seconds since the epoch. */
  readonly completedAt?: number;
}

/** The response to a request in this state. */
export function responseObject(body: ResponsesBody, state: ResponseState): object {
  const { incompleteReason, usage } = state;
  return {
    id: state.id,
    object: 'response',
    created_at: state.createdAt,
    completed_at: state.completedAt ?? null,
    status: state.status,
    error: state.error ?? null,
    incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: body.model,
    output: state.output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: body.reasoning?.['effort'] ?? null, summary: body.reasoning?.['summary'] ?? null },
    store: false,
    temperature: body.temperature ?? 1,
    text: { ...body.text, format: body.text?.['format'] ?? { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    truncation: 'disabled',
    metadata: body.metadata ?? {},
    user: body['user'] ?? null,
    usage: usage === undefined ? null : usageObject(usage),
  };
}

function usageObject(usage: Usage): object {
  const { prompt_tokens: input = 0, completion_tokens: output = 0, total_tokens: total = input + output } = usage;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: countIn(usage, 'prompt_tokens_details', 'cached_tokens') },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: countIn(usage, 'completion_tokens_details', 'reasoning_tokens') },
    total_tokens: total,
  };
}

/** A count that not every engine has. */
function countIn(usage: Readonly<Record<string, unknown>>, details: string, name: string): number {
  const { [details]: counts } = usage;
  return isMapping(counts) && typeof counts[name] === 'number' ? counts[name] : 0;
}
