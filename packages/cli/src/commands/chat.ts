// lamina chat: a conversation in the terminal.
import type { Command } from 'commander';
import { isInteractive } from '../cli-io.js';
import type { GlobalOptions } from '../global-options.js';
import type { ClientContext, Session } from '../session.js';
import { addExample } from './example.js';

/** The options of `chat` and `run`. */
export interface TalkOptions extends GlobalOptions {
  readonly system?: string;
  readonly image?: readonly string[];
  readonly stats?: boolean;
}

/** Adds the command. */
export function chatCommand(program: Command, session: Session): void {
  const command = addTalkOptions(
    program.command('chat').argument('[model]', 'Model (default: the one for conversations)'),
  )
    .description('Chat with a model in the terminal')
    .action(async (model: string | undefined, _: unknown, command: Command) => {
      if (!canChat(session))
        command.error('"lamina chat" needs a terminal. For one answer, use "lamina run <model> <prompt>".');
      await startChat(session, command.optsWithGlobals(), model);
    });
  addExample(command, 'lamina chat llama3.2-3b --system "Answer in French"');
}

/** Adds the options of `chat` and `run`. */
export function addTalkOptions(command: Command): Command {
  const collect = (file: string, files: readonly string[] = []): readonly string[] => [...files, file];
  return command
    .option('--system <text>', 'Instructions for the model')
    .option('--image <file>', 'Send this image with the first message; can be repeated', collect)
    .option('--stats', 'Print the speed of each answer');
}

/** Whether somebody sits at a terminal that shows the answers. */
export function canChat({ io, printer }: Session): boolean {
  return isInteractive(io) && io.stdout.isTTY === true && !printer.json;
}

/** Chats with a model, or else with the default one. */
export async function startChat(session: Session, options: TalkOptions, model?: string): Promise<void> {
  const { system, image = [], stats: showsSpeeds = false } = options;
  const { readImage } = await import('../chat/images.js');
  const images = await Promise.all(image.map(readImage));
  const chat = async (context: ClientContext): Promise<void> => {
    const [{ runChat }, { defaultModel }] = await Promise.all([
      import('../chat/chat.js'),
      import('../chat/choose-model.js'),
    ]);
    const chosen = model ?? (await defaultModel(context.client, context.io.signal));
    await runChat(context, { model: chosen, system, images, showsSpeeds });
  };
  await session.connect(options, chat, { starts: true });
}
