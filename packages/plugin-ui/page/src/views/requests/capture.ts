// What the server keeps of prompts and answers, when its operator has switched that on.
import type { Api } from '../../server/api.js';

/** Whether prompts and answers are kept, and of which requests. */
export interface CaptureList {
  readonly on: boolean;
  /** Their ids. */
  readonly requests: readonly string[];
}

/** A text, of which there may have been more than is kept. */
export interface CapturedText {
  readonly text: string;
  readonly cut: boolean;
}

/** The prompt and the answer of a request. */
export interface CapturedTexts {
  readonly prompt: readonly ({ readonly role: string } & CapturedText)[];
  /** How many messages before these are not kept. */
  readonly omitted_messages: number;
  readonly reasoning: CapturedText;
  readonly answer: CapturedText;
  readonly tool_calls: CapturedText;
}

/** `GET /ui/capture` */
export function readCapture(api: Api, signal: AbortSignal): Promise<CaptureList> {
  return api.request('ui/capture', { signal });
}

/** `GET /ui/capture/:request` */
export function readTexts(api: Api, request: string, signal: AbortSignal): Promise<CapturedTexts> {
  return api.request(`ui/capture/${encodeURIComponent(request)}`, { signal });
}
