// JSON Schema as Lamina uses it: written once as a plain literal, checked by ajv at run time, turned into a type at
// compile time.
import type { XStatic } from 'typebox/schema';

/**
 * A JSON Schema (draft-07) written as a plain object literal. Lamina's own are all `{ type: 'object', … }`;
 * a `default` in one is documentation, never filled in silently.
 */
export type Schema = { readonly [keyword: string]: unknown };

/** The TypeScript type of the values a literal schema accepts (`as const`, or passed to a `const` type parameter). */
export type FromSchema<S extends Schema> = XStatic<S>;

/** The TypeScript type of a document that a literal schema describes: as {@link FromSchema}, and readonly. */
export type DocumentOf<S extends Schema> = DeepReadonly<FromSchema<S>>;

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };
