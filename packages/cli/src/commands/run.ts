// lamina run: one answer of a model, for pipes; without a prompt, a chat.
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.js';
import type { ClientContext, Session } from '../session.js';
import { addTalkOptions, canChat, startChat, type TalkOptions } from './chat.js';
import { addExample } from './example.js';

/** Adds the command. */
export function runModelCommand(program: Command, session: Session): void {
  const command = addTalkOptions(
    program
      .command('run')
      .argument('<model>', 'Name or alias of a model')
      .argument('[prompt...]', 'The question; text on standard input is added below it'),
  )
    .description('Print one answer of a model; without a prompt, chat')
    .action(async (model: string, words: readonly string[], _: unknown, command: Command) => {
      const options = command.optsWithGlobals<TalkOptions>();
      const parts = [words.join(' '), await readInput(session.io)];
      const prompt = parts.filter((part) => part.trim() !== '').join('\n\n');
      if (prompt !== '') return printOne(session, model, prompt, options);
      if (!canChat(session))
        command.error(`There is no prompt. Add one: lamina run ${model} "Why is the sky blue?", or pipe it in.`);
      return startChat(session, options, model);
    });
  addExample(command, 'git diff | lamina run llama3.2-3b "Review this change"');
}

/** What a program or a file writes to standard input. */
async function readInput({ stdin, signal }: CliIo): Promise<string> {
  return stdin === undefined || stdin.isTTY === true ? '' : (await text(addAbortSignal(signal, stdin))).trimEnd();
}

async function printOne(
  session: Session,
  model: string,
  prompt: string,
  { system, image = [], stats = false, ...options }: TalkOptions,
): Promise<void> {
  const [{ printAnswer }, { Conversation }, { contentOf, readImage }, { speedsText }] = await Promise.all([
    import('../chat/answer.js'),
    import('../chat/conversation.js'),
    import('../chat/images.js'),
    import('../chat/speeds.js'),
  ]);
  const conversation = new Conversation(system);
  conversation.ask(contentOf(prompt, await Promise.all(image.map(readImage))));
  const print = async ({ client, io, printer }: ClientContext): Promise<void> => {
    const { error, speeds } = await printAnswer(client, { model, messages: conversation.messages }, { ...io, printer });
    if (error !== undefined) throw error;
    if (stats) printer.notice(printer.errorStyle.dim(speedsText(speeds)));
  };
  await session.connect(options, print, { starts: true });
}
