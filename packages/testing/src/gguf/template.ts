// The chat template of a tiny model, in Jinja: it renders every role; a word in the last message selects the answer.

/** `/count` counts without end, `/think` thinks first, `/tool` calls a tool; else the answer is the sentence. */
export const chatTemplate = [
  `{%- if tools %}{{ '<|system|>You may call: ' + (tools | tojson) + '<|end|>' }}{%- endif %}`,
  `{%- for message in messages %}`,
  `{%- if message.role == 'system' %}{{ '<|system|>' + message.content + '<|end|>' }}`,
  `{%- elif message.role == 'user' %}{{ '<|user|>' + message.content + '<|end|>' }}`,
  `{%- elif message.role == 'tool' %}{{ '<|user|><tool_response>' + message.content + '</tool_response><|end|>' }}`,
  `{%- else %}{{ '<|assistant|>' }}`,
  `{%- if message.reasoning_content %}{{ '<think>' + message.reasoning_content + '</think>' }}{%- endif %}`,
  `{{ message.content or '' }}`,
  `{%- for call in message.tool_calls or [] %}`,
  `{{ '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' }}`,
  `{%- endfor %}{{ '<|end|>' }}`,
  `{%- endif %}`,
  `{%- endfor %}`,
  `{%- if add_generation_prompt %}{{ '<|assistant|>' }}`,
  `{%- set last = messages[-1].content or '' %}`,
  `{%- if '/count' in last %}{{ '<|count|>' }}`,
  `{%- elif '/think' in last %}{{ '<|think|>' }}`,
  `{%- elif '/tool' in last %}{{ '<|tool|>' }}{%- endif %}`,
  `{%- endif %}`,
].join('');
