// The help of the command lamina: all of it as a page, and its overview in a README.md, between <!-- help:start --> and
// <!-- help:end -->.
const part = /(<!-- help:start -->\n)[^]*?(<!-- help:end -->)/;

/** The text with the overview updated, if it has one. */
export async function withCommandHelp(text) {
  if (!part.test(text)) return text;
  const [overview] = (await helpTexts()).values();
  return text.replace(part, (_, open, close) => `${open}${fenced(overview)}${close}`);
}

/** `docs/commands.md`: the help of every command. */
export async function commandsPage() {
  const sections = [...(await helpTexts())].map(([name, text]) => `## ${name}\n\n${fenced(text)}`);
  return `# Commands\n\nWhat \`--help\` prints. This page is generated.\n\n${sections.join('\n')}`;
}

async function helpTexts() {
  const { helpTexts } = await import('../../packages/cli/dist/index.js');
  return helpTexts();
}

function fenced(text) {
  return `\`\`\`\n${text.trimEnd()}\n\`\`\`\n`;
}
