// A chat in the terminal: reads messages, prints answers, and obeys commands that begin with a slash.
import { LaminaError } from '@lamina/core/protocol';
import type { InputStream } from '../cli-io.js';
import { toLaminaError } from '../server-session.js';
import type { ClientContext } from '../session.js';
import { printAnswer } from './answer.js';
import { checkModel } from './choose-model.js';
import { Conversation } from './conversation.js';
import { readMessage } from './editor.js';
import { History } from './history.js';
import { contentOf, imagePathsIn, readImage, type ImagePart } from './images.js';
import { Keyboard } from './keyboard.js';
import { runSlashCommand, type Chat } from './slash-commands.js';
import { speedsText } from './speeds.js';

/** How a chat begins. */
export interface ChatOptions {
  readonly model: string;
  readonly system: string | undefined;
  /** Sent with the first message. */
  readonly images: readonly ImagePart[];
  /** Whether the speed of each answer is printed. */
  readonly showsSpeeds: boolean;
}

const leaveHint = 'Press Ctrl-C again to leave, or Ctrl-D, or type /bye.';

/** Chats until the user leaves. @throws what `checkModel` throws; the reason of the signal */
export async function runChat({ client, url, io, printer }: ClientContext, options: ChatOptions): Promise<void> {
  const { stdout, stderr, signal, env } = io;
  const { bold, dim, red } = printer.style;
  const print = (text: string): void => printer.write(`${text}\n`);
  const conversation = new Conversation(options.system);
  const { model, images } = options;
  const chat: Chat = { client, signal, conversation, model, images, speeds: undefined, print };
  await checkModel(client, model, signal);
  const history = await History.open(env);
  let stop = new AbortController();
  const keyboard = new Keyboard(io.stdin as InputStream, stdout, () => stop.abort());

  const answer = async (): Promise<void> => {
    const request = { model: chat.model, messages: conversation.messages };
    const output = { stdout, stderr, printer, signal: AbortSignal.any([signal, stop.signal]) };
    const { text, speeds, error } = await printAnswer(client, request, output);
    signal.throwIfAborted();
    conversation.answer(text);
    chat.speeds = speeds;
    if (stop.signal.aborted) print(dim('Stopped. /retry answers again.'));
    else if (error !== undefined) print(`${red('Error:')} ${messageOf(error, url)} ${dim('/retry tries again.')}`);
    else if (options.showsSpeeds) print(dim(speedsText(speeds)));
    print('');
  };
  /** Returns whether the chat goes on. */
  const obey = async (text: string): Promise<boolean> => {
    const next = await runSlashCommand(text, chat);
    if (next === 'leave') return false;
    if (next === 'answer') await answer();
    if (next === undefined) {
      const named = await Promise.all(imagePathsIn(text).map(readImage));
      conversation.ask(contentOf(text, [...chat.images, ...named]));
      chat.images = [];
      await answer();
    }
    return true;
  };

  print(`Chat with ${bold(model)}. ${dim('/help lists the commands, Ctrl-D leaves.')}`);
  keyboard.open();
  try {
    for (;;) {
      stop = new AbortController();
      const text = await readMessage({ keyboard, stdout, history, leaveHint: dim(leaveHint) }, signal);
      if (text === undefined) return;
      if (text.trim() === '') continue;
      await history.add(text);
      try {
        if (!(await obey(text))) return;
      } catch (error) {
        signal.throwIfAborted();
        print(`${red('Error:')} ${messageOf(error, url)}`);
      }
    }
  } finally {
    keyboard.close();
  }
}

/** The message of an expected error. @throws any other one */
function messageOf(error: unknown, url: string): string {
  const known = toLaminaError(error, url);
  if (!LaminaError.is(known)) throw error;
  return known.message;
}
