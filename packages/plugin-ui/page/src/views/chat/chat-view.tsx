// The view `chat`: a conversation, and the history of this browser.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Empty, Note, Problem } from '../../components/basics.js';
import type { ViewProps } from '../../lazy-view.js';
import { href } from '../../router.js';
import type { Session } from '../../server/session.js';
import { ChatHeader } from './chat-header.js';
import type { Chat } from './chat.js';
import { chatsOf, type Chats } from './chats.js';
import { Composer } from './composer.js';
import { HistoryList } from './history-list.js';
import { MessageList } from './message-list.js';
import { modelChoices, modelOf, rememberModel } from './models.js';

/**
 * `#/chat/<id>` is a conversation, `#/chat/new` a new one, `#/chat` the last. `?model=` and `?text=` choose a model and
 * fill the box of a new one; nothing is sent.
 */
export function ChatView({ session, item, query }: ViewProps): JSX.Element {
  const chats = chatsOf(session);
  const shown = useSignal<Chat | undefined>(undefined);
  const isMissing = useSignal(false);
  useEffect(() => {
    let isCurrent = true;
    void find(chats, item, query).then((chat) => {
      if (!isCurrent) return;
      shown.value = chats.current = chat;
      isMissing.value = chat === undefined;
    });
    return () => {
      isCurrent = false;
    };
  }, [chats, item, query.toString()]);
  return (
    <div class="chat">
      <nav class="chat-history" aria-label="Conversations">
        <HistoryList chats={chats} shown={shown.value} />
      </nav>
      {shown.value === undefined ? undefined : (
        <Conversation key={shown.value.id} session={session} chats={chats} chat={shown.value} />
      )}
      {isMissing.value ? <Missing /> : undefined}
    </div>
  );
}

async function find(chats: Chats, item: string, query: URLSearchParams): Promise<Chat | undefined> {
  const [model, text] = [query.get('model'), query.get('text')];
  const isPreset = model !== null || text !== null;
  if (item !== '' && item !== 'new') return chats.open(item);
  if (item === '' && !isPreset && chats.current !== undefined) {
    showAddress(chats.current);
    return chats.current;
  }
  const chat = chats.create(model ?? '');
  if (text !== null) chat.draft.value = { ...chat.draft.value, text };
  return chat;
}

/** The address of a conversation, once it has a message and can be found again. */
function showAddress(chat: Chat): void {
  if (chat.conversation.value.messages.length > 0) location.replace(href('chat', chat.id));
}

function Missing(): JSX.Element {
  return (
    <div class="conversation">
      <header class="chat-header">
        <h1 tabIndex={-1}>Chat</h1>
      </header>
      <Empty>
        This conversation is not in this browser. <a href={href('chat', 'new')}>Start a new one.</a>
      </Empty>
    </div>
  );
}

function Conversation({
  session,
  chats,
  chat,
}: {
  readonly session: Session;
  readonly chats: Chats;
  readonly chat: Chat;
}): JSX.Element {
  const choices = modelChoices(session.models.value.value, session.served.value.value);
  const model = modelOf(chat.conversation.value, choices);
  /** Sends with the model that is shown. */
  const withModel = (action: () => void): void => {
    rememberModel(model);
    if (chat.conversation.value.model !== model) chat.configure({ model });
    action();
    showAddress(chat);
  };
  const mayAsk = session.mayInfer.value && model !== '';
  return (
    <section class="conversation" aria-label="Conversation">
      <ChatHeader chats={chats} chat={chat} choices={choices} model={model} />
      {chats.problem.value === undefined ? undefined : <Problem text={chats.problem.value} />}
      <MessageList
        session={session}
        chats={chats}
        chat={chat}
        mayAsk={mayAsk}
        onRetry={() => withModel(() => chat.retry())}
        onEdit={(index, text) => withModel(() => chat.edit(index, text))}
      />
      {session.connection.value === 'live' && !session.mayInfer.value ? (
        <Note>This key may not chat. Use one with the scope inference.</Note>
      ) : undefined}
      <Composer
        chat={chat}
        served={session.served.value.value}
        model={model}
        mayAsk={mayAsk}
        onSend={(question) => withModel(() => chat.send(question))}
      />
    </section>
  );
}
