// Generates the table of a plugin's options from its schema, for its README.md, between <!-- options:start --> and
// <!-- options:end -->.
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { table } from './markdown.mjs';

const start = '<!-- options:start -->';
const end = '<!-- options:end -->';

/** The text with its table updated, if it has one; the package in `folder` must export `optionsSchema`. */
export async function withOptionsTable(text, folder) {
  if (!text.includes(start)) return text;
  const { optionsSchema } = await import(pathToFileURL(resolve(join(folder, 'dist', 'index.js'))).href);
  if (optionsSchema === undefined)
    throw new Error(`${folder}/README.md has a table of options, but the package does not export optionsSchema.`);
  const from = text.indexOf(start) + start.length;
  const to = text.indexOf(end, from);
  if (to < 0) throw new Error(`${folder}/README.md lacks the marker ${end}.`);
  return `${text.slice(0, from)}\n${tableOf(optionsSchema)}\n${text.slice(to)}`;
}

function tableOf({ properties, required = [] }) {
  const rows = Object.entries(properties).map(([name, schema]) => {
    const fallback = required.includes(name) ? 'required' : defaultOf(schema);
    return [`\`${name}\``, typeOf(schema), fallback, schema.description ?? ''];
  });
  return table(['option', 'values', 'default', 'what it does'], rows);
}

/** The allowed values of a schema. */
function typeOf(schema) {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(', ');
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items).replace(/^\w+/, '$&s')}`;
  if (schema.type === 'object') return schema.additionalProperties?.type === 'string' ? 'object of strings' : 'object';
  const type = schema.type === 'boolean' ? '`true`, `false`' : (schema.type ?? 'any');
  return schema.minimum === undefined ? type : `${type} from ${schema.minimum}`;
}

/** A default that can be written in a manifest is formatted as code; a description is not. */
function defaultOf({ default: value, enum: values, anyOf, type }) {
  if (value === undefined) return '';
  const choices = values ?? anyOf?.flatMap((choice) => choice.enum ?? []) ?? [];
  const isWritable =
    typeof value !== 'string' || choices.includes(value) || (type === 'string' && !value.includes(' '));
  return isWritable ? `\`${typeof value === 'string' ? value : JSON.stringify(value)}\`` : value;
}
