// The frames that plugins contribute, as rows of the table.
import { LaminaError, type Lamina, type Schema } from '@lamina/core';
import { callerLamina } from '../../extensions/caller-lamina.js';
import type { FrameExtension } from '../../extensions/http-extension.js';
import type { KnownFrame } from './table.js';

/** What the frames of plugins need. */
export interface ExtensionFrames {
  readonly lamina: Lamina;
  /** Type of frame → frame. */
  readonly frames: ReadonlyMap<string, FrameExtension>;
  /** Aborted when the server begins to close. */
  readonly closing: AbortSignal;
}

/** The rows of the frames of plugins. */
export function extensionFrames({ lamina, frames, closing }: ExtensionFrames): [string, KnownFrame][] {
  return [...frames].map(([type, { schema, scope, run }]) => [
    type,
    {
      scope,
      schema: frameSchema(type, schema),
      call: (frame: object, { caller }, signal) => {
        const rights = { caller, operation: `The frame "${type}"`, signal, closing };
        return checked(type, run(frame, { caller, signal, lamina: callerLamina(lamina, rights) }));
      },
    },
  ]);
}

/** @throws LaminaError `PLUGIN_FAILED` */
async function checked(type: string, returned: object | Promise<object>): Promise<object> {
  const value: unknown = (await returned) ?? {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as object;
  const plugin = type.slice(0, type.indexOf('.'));
  const what = Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  throw new LaminaError('PLUGIN_FAILED', {
    plugin,
    hook: `the frame ${type}`,
    reason: `it returned ${what}, not an object`,
  });
}

/** The schema of a whole frame, from that of its own fields. */
export function frameSchema(type: string, schema: Schema): Schema {
  const { properties, required = [] } = schema as { properties?: object; required?: readonly string[] };
  return {
    ...schema,
    type: 'object',
    properties: { ...properties, type: { const: type }, id: { type: 'string', minLength: 1, maxLength: 128 } },
    required: ['type', 'id', ...required],
  };
}
