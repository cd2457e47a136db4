// Maps filters of llama-swap, which change requests, to the keys of @lamina/plugin-virtual-models.
import type { ImportNote, ModelEntry } from '@lamina/core';
import type { SwapFilters } from './schema.js';

/** What filters become. */
export interface MappedFilters {
  /** Defaults of the model itself. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Virtual models, by name. */
  readonly presets: Readonly<Record<string, ModelEntry>>;
  readonly notes: readonly ImportNote[];
}

/**
 * The filters of the model `name`, written at `key`. `hasPresets`: whether the plugin is loaded; otherwise the names of
 * `setParamsByID` become aliases of the model.
 */
export function mapFilters(
  name: string,
  { stripParams, strip_params, setParams, setParamsByID = {} }: SwapFilters,
  key: string,
  hasPresets: boolean,
): MappedFilters & { readonly aliases: readonly string[] } {
  const { [name]: own = {}, ...others } = setParamsByID as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  const parameters = withoutModel({ ...setParams, ...own });
  const isSet = Object.keys(parameters).length > 0 || Object.keys(others).length > 0;
  const message = hasPresets
    ? 'They are defaults in Lamina: a request that sets such a field keeps its value.'
    : 'Fields of requests are set by @lamina/plugin-virtual-models: install it, and import again.';
  return {
    parameters: hasPresets ? parameters : {},
    presets: hasPresets
      ? Object.fromEntries(
          Object.entries(others).map(([id, fields]) => [
            id,
            { of: name, parameters: withoutModel({ ...setParams, ...fields }) },
          ]),
        )
      : {},
    aliases: hasPresets ? [] : Object.keys(others),
    notes: [
      ...((stripParams ?? strip_params ?? '') === ''
        ? []
        : [{ what: `${key}.stripParams`, message: 'Lamina removes no fields from requests; a plugin can do that.' }]),
      ...(isSet ? [{ what: `${key}.${setParams === undefined ? 'setParamsByID' : 'setParams'}`, message }] : []),
    ],
  };
}

/** llama-swap never changes the model of a request. */
function withoutModel({ model: _, ...fields }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return fields;
}
