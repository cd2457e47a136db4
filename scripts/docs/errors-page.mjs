// docs/errors.md, from the table of errors.
import { errorTable, LaminaError, wireType } from '@lamina/core';
import { madeFrom, notYet, page, table } from './markdown.mjs';
import { reserved } from './reserved.mjs';

const example = new LaminaError('MODEL_NOT_FOUND', { model: 'lama', hint: 'There is "llama".', available: ['llama'] });

export function errorsPage() {
  const rows = Object.entries(errorTable).map(([code, { status, retryable, message, when }]) => {
    const written = message === '{message}' ? '*a sentence of its own*' : message.replaceAll('<', '&lt;');
    return [
      `\`${code}\``,
      String(status),
      wireType(status),
      retryable ? 'yes' : 'no',
      `${when}${notYet(reserved.errors[code])}`,
      written,
    ];
  });
  return page(
    '# Errors',
    madeFrom('`errorTable` in packages/core/src/contract/error-table.ts'),
    "Everything that fails in Lamina fails with one of these codes. On the wire, whatever the route, an error has the shape that OpenAI's clients parse:",
    `\`\`\`json\n${JSON.stringify({ error: example.toWire() })}\n\`\`\``,
    "`type` is the class of the error in OpenAI's words and follows from the status. `param` is there when one field of the request is at fault. `details` holds what the message was made of, and more. An engine's own errors are brought into the same shape and keep their own `code`.",
    'In code an error is a `LaminaError` with `code`, `details`, `status` and `retryable`; ask `LaminaError.is(error, code)`, not `instanceof`. `again` says whether the same call may succeed later. A code keeps its meaning; one that is retired is never used again.',
    table(['code', 'status', 'type', 'again', 'when', 'message'], rows),
  );
}
