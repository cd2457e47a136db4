// The messages of a conversation. It follows the end while the reader is there.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Button, Empty, Note } from '../../components/basics.js';
import { NewestButton, useFollowEnd } from '../../components/follow-end.js';
import { counted } from '../../format.js';
import { href } from '../../router.js';
import type { Session } from '../../server/session.js';
import { AnswerMessage } from './answer-message.js';
import type { Chat } from './chat.js';
import type { Chats } from './chats.js';
import { QuestionMessage } from './question-message.js';

/** Messages that are shown at first, and added when earlier ones are wanted. */
const page = 40;

export interface MessageListProps {
  readonly session: Session;
  readonly chats: Chats;
  readonly chat: Chat;
  /** There is a model, and the key may use it. */
  readonly mayAsk: boolean;
  readonly onRetry: () => void;
  readonly onEdit: (index: number, text: string) => void;
}

export function MessageList({ session, chats, chat, mayAsk, onRetry, onEdit }: MessageListProps): JSX.Element {
  const count = useSignal(page);
  const follow = useFollowEnd();
  const { messages } = chat.conversation.value;
  const running = chat.running.value;
  const elsewhere = chat.elsewhere.value;
  useEffect(() => {
    if (running !== undefined) follow.toEnd();
  }, [running]);
  const first = Math.max(0, messages.length - count.value);
  const mayChange = mayAsk && running === undefined && elsewhere === undefined;
  const current = running?.shown.peek().answer ?? elsewhere;
  const all = current === undefined ? messages : [...messages, current];
  return (
    <div class="log-frame follow-end">
      <div
        class="log"
        role="log"
        aria-label="Messages"
        aria-busy={running !== undefined}
        tabIndex={0}
        ref={follow.element}
      >
        <div class="log-content">
          {all.length === 0 ? <Start session={session} /> : undefined}
          {first === 0 ? undefined : (
            <Button
              label={`Show ${counted(Math.min(first, page), 'earlier message')}`}
              onClick={() => (count.value += page)}
            />
          )}
          {all.slice(first).map((message, position) => {
            const index = first + position;
            const isLast = index === all.length - 1;
            return message.role === 'user' ? (
              <QuestionMessage key={index} index={index} question={message} mayEdit={mayChange} onEdit={onEdit} />
            ) : (
              <AnswerMessage
                key={index}
                index={index}
                answer={message}
                running={isLast ? running : undefined}
                isElsewhere={isLast && elsewhere !== undefined}
                session={session}
                onRetry={isLast && mayChange ? onRetry : undefined}
              />
            );
          })}
          {elsewhere === undefined ? undefined : (
            <div class="row">
              <Note>Another tab of this browser receives this answer.</Note>
              <Button label="Continue here" hint="If the other tab is closed" onClick={() => void chats.resume(chat)} />
            </div>
          )}
          {messages.at(-1)?.role === 'user' && current === undefined ? (
            <Button label="Ask again" icon="retry" disabled={!mayAsk} onClick={onRetry} />
          ) : undefined}
        </div>
      </div>
      <NewestButton follow={follow} />
    </div>
  );
}

function Start({ session }: { readonly session: Session }): JSX.Element | undefined {
  const models = session.models.value.value;
  if (models === undefined) return undefined;
  if (models.available === 0)
    return (
      <Empty>
        There is no model on this server yet. <a href={href('models')}>Get one.</a>
      </Empty>
    );
  return <Empty>Ask something. The conversation is kept in this browser, and nowhere else.</Empty>;
}
