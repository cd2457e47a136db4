// Refuses what does not fit its schema.
import { check, describeProblems, LaminaError, type Schema } from '@lamina/core';

/** @throws LaminaError `REQUEST_INVALID`, with the first wrong field and a message that begins with `lead` */
export function requireValid(schema: Schema, value: unknown, lead: string): void {
  const [problem, ...others] = check(schema, value);
  if (problem === undefined) return;
  const param = problem.path.join('.');
  throw new LaminaError('REQUEST_INVALID', {
    message: `${lead} ${describeProblems([problem, ...others])}.`,
    ...(param === '' ? {} : { param }),
  });
}
