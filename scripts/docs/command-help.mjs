// Inserts the output of --help into a README.md, between <!-- help:start --> and <!-- help:end -->.
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const part = /(<!-- help:start -->\n)[^]*?(<!-- help:end -->)/;

/** The text with its help updated, if it has one; the package in `folder` must export `helpText`. */
export async function withCommandHelp(text, folder) {
  if (!part.test(text)) return text;
  const { helpText } = await import(pathToFileURL(resolve(join(folder, 'dist', 'index.js'))).href);
  return text.replace(part, (_, open, close) => `${open}\`\`\`\n${helpText().trimEnd()}\n\`\`\`\n${close}`);
}
