// The commands inside a chat: /help, /model and so on.
import { writeFile } from 'node:fs/promises';
import type { LaminaClient } from '@lamina/client';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import { withHome } from '../home-folder.js';
import { pairs } from '../table.js';
import type { Conversation } from './conversation.js';
import { availableModels, checkModel } from './choose-model.js';
import { readImage, type ImagePart } from './images.js';
import { speedsText, type Speeds } from './speeds.js';

/** What the commands of a chat read and change. */
export interface Chat {
  readonly client: LaminaClient;
  readonly signal: AbortSignal;
  readonly conversation: Conversation;
  model: string;
  /** Sent with the next message. */
  images: readonly ImagePart[];
  /** Of the last answer. */
  speeds: Speeds | undefined;
  /** Prints a line. */
  print(text: string): void;
}

/** What happens after a command: the next message is read, the conversation is answered, or the chat ends. */
export type Next = 'read' | 'answer' | 'leave';

interface SlashCommand {
  /** The argument as the help shows it. */
  readonly argument?: string;
  readonly help: string;
  run(chat: Chat, argument: string): Next | Promise<Next>;
}

const commands: Readonly<Record<string, SlashCommand>> = {
  help: { help: 'Show this help', run: showHelp },
  model: { argument: '[name]', help: 'Chat with another model; list them', run: changeModel },
  system: {
    argument: '[text]',
    help: 'Set or show the instructions; "" removes them',
    run: setSystem,
  },
  image: { argument: '<file>', help: 'Send an image with the next message', run: attachImage },
  retry: { help: 'Answer the last message again', run: retry },
  clear: { help: 'Forget the conversation', run: clear },
  save: { argument: '[file]', help: 'Save the conversation as Markdown', run: save },
  stats: { help: 'Show the speed of the last answer', run: showSpeeds },
  bye: { help: 'Leave', run: () => 'leave' },
};

const keys: readonly (readonly [key: string, help: string])[] = [
  ['"""', 'Begin and end a message of several lines'],
  ['\\ or Alt-Enter', 'At the end of a line: go on in the next one'],
  ['Ctrl-C', 'Stop the answer; clear the line'],
  ['Ctrl-D', 'Leave'],
  ['Up, Down', 'Earlier messages'],
];

/**
 * Runs a command. Resolves with `undefined` for a text that is none: another text, or a path.
 * @throws LaminaError `REQUEST_INVALID` for an unknown command; what the command throws
 */
export async function runSlashCommand(text: string, chat: Chat): Promise<Next | undefined> {
  const [, name, argument = ''] = /^\/([A-Za-z?]+)(?: +(.*))?$/.exec(text.trim()) ?? [];
  if (name === undefined) return undefined;
  const command = commands[name === '?' ? 'help' : name];
  if (command === undefined) {
    const { nearestHint } = await import('@lamina/core');
    const hint = nearestHint(name, Object.keys(commands)).replaceAll(/"(\w+)"/g, '/$1');
    throw new LaminaError('REQUEST_INVALID', { message: `Unknown command /${name}: ${hint}` });
  }
  return command.run(chat, argument.trim());
}

function showHelp({ print }: Chat): Next {
  const rows = Object.entries(commands).map(
    ([name, { argument, help }]) => [`/${name}${argument === undefined ? '' : ` ${argument}`}`, help] as const,
  );
  print(pairs([...rows, ...keys, ['a path of an image', 'In a message: the image is sent with it']]));
  return 'read';
}

async function changeModel(chat: Chat, name: string): Promise<Next> {
  const { client, signal, print } = chat;
  if (name === '') {
    for (const each of await availableModels(client, signal)) print(`${each === chat.model ? '*' : ' '} ${each}`);
    return 'read';
  }
  await checkModel(client, name, signal);
  chat.model = name;
  print(`Chat with ${name}.`);
  return 'read';
}

function setSystem({ conversation, print }: Chat, text: string): Next {
  if (text !== '') conversation.system = text === '""' ? undefined : text;
  print(conversation.system === undefined ? 'There are no instructions.' : `Instructions: ${conversation.system}`);
  return 'read';
}

async function attachImage(chat: Chat, path: string): Promise<Next> {
  if (path === '') throw new LaminaError('REQUEST_INVALID', { message: 'Name a file: /image photo.png' });
  chat.images = [...chat.images, await readImage(withHome(path))];
  chat.print(`${path} is sent with the next message.`);
  return 'read';
}

function retry({ conversation, print }: Chat): Next {
  if (conversation.retry()) return 'answer';
  print('There is no message yet.');
  return 'read';
}

function clear({ conversation, print }: Chat): Next {
  conversation.clear();
  print('The conversation is empty again.');
  return 'read';
}

async function save({ conversation, print }: Chat, file: string): Promise<Next> {
  if (conversation.isEmpty) throw new LaminaError('REQUEST_INVALID', { message: 'There is nothing to save yet.' });
  const path = file === '' ? `chat-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.md` : withHome(file);
  await writeFile(path, conversation.toMarkdown(), { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'EEXIST' ? 'it already exists and will not be overwritten' : reasonOf(error);
    throw new LaminaError('REQUEST_INVALID', { message: `Cannot save to ${path}: ${reason}.` });
  });
  print(`Saved to ${path}.`);
  return 'read';
}

function showSpeeds({ speeds, print }: Chat): Next {
  print(speeds === undefined ? 'There is no answer yet.' : speedsText(speeds));
  return 'read';
}
