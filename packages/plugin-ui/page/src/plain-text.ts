// Text that others wrote, as it can be shown in one line.

/**
 * Sequences of ECMA-48, such as colours and cursor movements; other control characters but the tab; characters that
 * reverse the direction of a text.
 */
const controls =
  // eslint-disable-next-line no-control-regex -- It removes them.
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])|[\0-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text without control characters. */
export function withoutControls(text: string): string {
  return text.replace(controls, '');
}
