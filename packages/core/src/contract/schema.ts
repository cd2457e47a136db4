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

/**
 * The TypeScript type of a document that a literal schema describes, readonly. It knows the keywords that the schemas of
 * Lamina use; the compiler works them out several times faster than {@link FromSchema}.
 */
export type DocumentOf<S> = S extends { readonly const: infer Value }
  ? Value
  : S extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : S extends { readonly anyOf: readonly (infer Choice)[] }
      ? DocumentOf<Choice>
      : S extends { readonly type: infer Type }
        ? ValueOf<Type, S>
        : unknown;

type ValueOf<Type, S> = Type extends readonly (infer One)[]
  ? ValueOf<One, S>
  : Type extends 'object'
    ? ObjectOf<S>
    : Type extends 'array'
      ? readonly (S extends { readonly items: infer Item } ? DocumentOf<Item> : unknown)[]
      : Type extends keyof Primitives
        ? Primitives[Type]
        : never;

interface Primitives {
  string: string;
  number: number;
  integer: number;
  boolean: boolean;
  null: null;
}

type ObjectOf<S> = (S extends { readonly properties: infer Properties }
  ? Members<Properties, RequiredIn<S>>
  : unknown) &
  (S extends { readonly additionalProperties: infer Others }
    ? Further<Others>
    : S extends { readonly properties: object }
      ? unknown
      : object);

type RequiredIn<S> = S extends { readonly required: readonly (infer Name)[] } ? Name : never;

type Members<Properties, Required> = {
  readonly [Name in keyof Properties as Name extends Required ? Name : never]: DocumentOf<Properties[Name]>;
} & {
  readonly [Name in keyof Properties as Name extends Required ? never : Name]?: DocumentOf<Properties[Name]>;
};

type Further<Others> = Others extends false
  ? unknown
  : { readonly [name: string]: Others extends true ? unknown : DocumentOf<Others> };

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };
