// Conversations as files.
import { attachmentsText } from './attachments.js';
import { titleOf, type Conversation, type Message } from './conversation.js';
import { questionText } from './request.js';

/** The version of the JSON that is exported. */
const version = 1;

/** A conversation as Markdown, for people. */
export function toMarkdown(conversation: Conversation): string {
  const { system } = conversation.settings;
  return [
    `# ${titleOf(conversation)}`,
    ...(system === undefined ? [] : [`## System\n\n${system}`]),
    ...conversation.messages.map(section),
    '',
  ].join('\n\n');
}

/** Conversations as JSON, with everything that is known of them. */
export function toJson(conversations: readonly Conversation[]): string {
  return JSON.stringify({ version, conversations }, undefined, 2);
}

/** A name for a file, of the title and the date. */
export function fileName(conversation: Conversation, extension: string): string {
  const title = titleOf(conversation)
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .replace(/^-|-$/g, '');
  return `${new Date(conversation.createdAt).toISOString().slice(0, 10)}-${title || 'chat'}.${extension}`;
}

function section(message: Message): string {
  if (message.role === 'user') {
    const images = message.images.length === 0 ? [] : [`(${attachmentsText(message.images.length, 0)})`];
    return ['## You', ...images, questionText(message)].join('\n\n');
  }
  const calls = message.toolCalls.map(({ function: { name, arguments: json } }) => `Tool call: \`${name}(${json})\``);
  const problem = message.problem === undefined ? [] : [`(${message.problem})`];
  return [`## ${message.model}`, message.text, ...calls, ...problem].filter((part) => part !== '').join('\n\n');
}
