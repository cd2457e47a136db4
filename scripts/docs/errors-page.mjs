// Generates docs/errors.md from the table of errors.
import { errorTable, LaminaError, wireType } from '@lamina/core';
import { generatedFrom, notYet, page, table } from './markdown.mjs';
import { reserved } from './reserved.mjs';

const example = new LaminaError('MODEL_NOT_FOUND', { model: 'lama', hint: 'There is "llama".', available: ['llama'] });

export function errorsPage() {
  const rows = Object.entries(errorTable).map(([code, { status, retryable, message, when, details = [] }]) => {
    const written = message === '{message}' ? '*specific to the case*' : message.replaceAll('<', '&lt;');
    return [
      `\`${code}\``,
      String(status),
      wireType(status),
      retryable ? 'yes' : 'no',
      `${when}${notYet(reserved.errors[code])}`,
      written,
      [...placeholders(message), ...details].map((name) => `\`${name}\``).join(', '),
    ];
  });
  return page(
    '# Errors',
    generatedFrom('`errorTable` in packages/core/src/contract/error-table.ts'),
    "Every failure in Lamina has one of these codes. All routes return errors in the format of OpenAI's API:",
    `\`\`\`json\n${JSON.stringify({ error: example.toWire() })}\n\`\`\``,
    "`type` is OpenAI's class of the error and depends on the status. `param` names the field of the request that is wrong, if there is one. `details` has the values of the message, and those that the table names; where the message is specific to the case, they are, too. Errors of engines are converted to the same format and keep their own `code`.",
    'In code, an error is a `LaminaError` with `code`, `details`, `status` and `retryable`. Use `LaminaError.is(error, code)` instead of `instanceof`. Retryable means that the same call may succeed later. A code never changes its meaning, and a retired code is never reused.',
    table(['code', 'status', 'type', 'retryable', 'when', 'message', 'details'], rows),
  );
}

/** The details that the message quotes. */
function placeholders(message) {
  return message === '{message}' ? [] : [...message.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
}
