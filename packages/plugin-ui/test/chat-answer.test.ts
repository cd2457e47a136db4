// Answers over a real server: received, stopped, continued by the next page, and taken by another tab.
import assert from 'node:assert/strict';
import { effect } from '@preact/signals';
import { connect, type LaminaClient } from '@lamina/client';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';
import { Chat, type ChatHost } from '../page/dist/views/chat/chat.js';
import { newConversation, type Answer, type Conversation } from '../page/dist/views/chat/conversation.js';
import type { UnfinishedAnswer } from '../page/dist/views/chat/running-answer.js';

/** What a browser keeps, as copies, as its database makes them. */
class Store {
  conversation: Conversation | undefined;
  unfinished: UnfinishedAnswer | undefined;
}

/** A page: its connection and the conversation that it shows. */
class Page {
  readonly client: LaminaClient;
  readonly chat: Chat;
  isElsewhere = false;
  /** How often the pacer has let the page show what has arrived. */
  updates = 0;

  constructor(url: string, store: Store, conversation: Conversation) {
    this.client = connect(url);
    const host: ChatHost = {
      client: this.client,
      pacer: {
        schedule: (update) => {
          const timer = setImmediate(() => {
            this.updates += 1;
            update();
          });
          return () => clearImmediate(timer);
        },
      },
      reportsPrompt: () => false,
      contextLength: () => 4_096,
      save: (saved) => {
        store.conversation = structuredClone(saved);
        store.unfinished = undefined;
        return Promise.resolve();
      },
      saveUnfinished: (_id, unfinished) => {
        store.unfinished = structuredClone(unfinished);
        return Promise.resolve();
      },
      isElsewhere: () => Promise.resolve(this.isElsewhere),
    };
    this.chat = new Chat(host, conversation);
  }

  get last(): Answer {
    return this.chat.conversation.value.messages.at(-1) as Answer;
  }

  /** Waits until something is so. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      let isDone = false;
      const stop = effect(() => {
        if (isDone || !condition()) return;
        isDone = true;
        // The first call is before `stop` is there.
        queueMicrotask(() => stop());
        resolve();
      });
    });
  }

  /** Waits until the answer has so many characters. */
  arrived(length: number): Promise<void> {
    return this.until(() => (this.chat.running.value?.shown.value.answer.text.length ?? 0) >= length);
  }

  ended(): Promise<void> {
    return this.until(() => this.chat.running.value === undefined);
  }
}

const question = (text: string) => ({ role: 'user', text, images: [], files: [] }) as const;
const numbers = (count: number) => ['alfa:', ...Array.from({ length: count - 1 }, (_, index) => index + 1)].join(' ');

describe('an answer in the page', function () {
  this.timeout(30_000);
  let lamina: TestLamina;
  let server: Server;
  let url: string;
  let store: Store;
  let pages: Page[];

  before(async () => {
    const model = (options: object) => ({ path: 'model.fake', backend: 'fake', options });
    lamina = await createTestLamina({
      files: { 'model.fake': 'x' },
      plugins: [fakePlugin()],
      manifest: {
        models: {
          alfa: model({ chunks: 300, chunk_ms: 2 }),
          thinker: model({ chunks: 3, reasoning: 'Hm.' }),
          one: model({ chunks: 3, parallel: 1 }),
          broken: model({ exit_code: 3, stderr: ['error: no memory'] }),
        },
      },
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  });
  after(async () => {
    const closed = server.close();
    await lamina.close();
    await closed;
  });
  beforeEach(() => {
    store = new Store();
    pages = [];
  });
  afterEach(() => {
    for (const { client } of pages) client.close();
  });

  const open = (model: string, conversation = newConversation(model)): Page => {
    const page = new Page(url, store, conversation);
    pages.push(page);
    return page;
  };

  it('is received, counted and kept', async () => {
    const page = open('thinker');
    page.chat.send(question('Who are you?'));
    assert.equal(store.conversation!.messages.length, 1);
    await page.ended();
    const { text, reasoning, state, finishReason, usage, chunks, contextLength } = page.last;
    assert.deepEqual(
      { text, reasoning, state, finishReason, chunks, contextLength },
      {
        text: 'thinker: 1 2',
        reasoning: 'Hm.',
        state: 'complete',
        finishReason: 'stop',
        chunks: 4,
        contextLength: 4_096,
      },
    );
    assert.equal(usage?.completion_tokens, 3);
    assert.deepEqual(store.conversation, page.chat.conversation.value);
    assert.equal(store.unfinished, undefined);
  });

  it('is shown at most once between two updates of the page', async () => {
    const page = open('alfa');
    page.chat.send(question('a'));
    let updates = 0;
    const stop = effect(() => {
      if (page.chat.running.value?.shown.value !== undefined) updates++;
    });
    await page.ended();
    stop();
    assert.equal(page.last.text, numbers(300));
    // Besides those of the pacer: the beginning, the end, and when the answer becomes a part of the conversation.
    assert.ok(updates > 1 && updates <= page.updates + 3, `${updates} updates, ${page.updates} paced`);
  });

  it('keeps what has arrived when the user stops it, and can be asked for again', async () => {
    const page = open('alfa');
    page.chat.send(question('/count'));
    await page.arrived(20);
    page.chat.stop();
    await page.ended();
    assert.equal(page.last.state, 'stopped');
    assert.ok(numbers(10_000).startsWith(page.last.text) && page.last.text.length >= 20);
    page.chat.retry();
    assert.equal(page.chat.conversation.value.messages.length, 1);
    await page.arrived(20);
    page.chat.stop();
    await page.ended();
    assert.equal(page.chat.conversation.value.messages.length, 2);
  });

  it('has the error of the server, and the message stays so that it can be sent again', async () => {
    const page = open('broken');
    page.chat.send(question('a'));
    await page.ended();
    assert.equal(page.last.state, 'failed');
    assert.match(page.last.problem!, /broken.*no memory/);
  });

  it('is of another message when that is changed, and what followed is gone', async () => {
    const page = open('thinker');
    for (const text of ['a', 'b']) {
      page.chat.send(question(text));
      await page.ended();
    }
    page.chat.edit(0, 'c');
    await page.ended();
    const { messages } = page.chat.conversation.value;
    assert.deepEqual(
      messages.map(({ text }) => text),
      ['c', 'thinker: 1 2'],
    );
  });

  it('shows the place in the queue', async () => {
    const [busy, waiting] = [open('one'), open('one')];
    busy.chat.send(question('/count'));
    await busy.arrived(10);
    waiting.chat.send(question('a'));
    await waiting.until(() => waiting.chat.running.value?.shown.value.progress?.kind === 'queued');
    busy.chat.stop();
    await waiting.ended();
    assert.equal(waiting.last.text, 'one: 1 2');
  });

  it('goes on after a reload with every word exactly once, wherever the page was left', async () => {
    for (const length of [1, 50, 400]) {
      const before = open('alfa');
      before.chat.send(question('a'));
      await before.arrived(length);
      await before.chat.saveNow();
      const { conversation, unfinished } = structuredClone(store);
      assert.equal(unfinished!.answer.state, 'interrupted');
      before.isElsewhere = true;
      const after = open('alfa', conversation);
      await after.chat.resume(unfinished!);
      await after.ended();
      assert.deepEqual([after.last.state, after.last.text], ['complete', numbers(300)]);
      // The page that is gone has lost the answer to the new one.
      await before.ended();
      assert.ok(before.chat.elsewhere.value!.text.length < numbers(300).length);
    }
  });

  it('goes on after a page that kept only an earlier part of it', async () => {
    const before = open('alfa');
    before.chat.send(question('a'));
    await before.arrived(30);
    await before.chat.saveNow();
    const { conversation, unfinished } = structuredClone(store);
    await before.arrived(300);
    const after = open('alfa', conversation);
    await after.chat.resume(unfinished!);
    await after.ended();
    assert.equal(after.last.text, numbers(300));
  });

  it('is left to the tab that receives it, whose text is shown', async () => {
    const first = open('alfa');
    first.chat.send(question('/count'));
    await first.arrived(50);
    await first.chat.saveNow();
    const second = open('alfa', structuredClone(store.conversation!));
    second.isElsewhere = true;
    await second.chat.resume(structuredClone(store.unfinished!));
    assert.equal(second.chat.running.value, undefined);
    assert.ok(second.chat.elsewhere.value!.text.startsWith('alfa: 1 2'));
    first.chat.stop();
    await first.ended();
    second.chat.replace(structuredClone(store.conversation!), undefined);
    assert.deepEqual([second.last.state, second.chat.elsewhere.value], ['stopped', undefined]);
  });

  it('is interrupted, with its text, when the server no longer has the rest', async () => {
    const before = open('alfa');
    before.chat.send(question('/count'));
    await before.arrived(30);
    await before.chat.saveNow();
    const { conversation, unfinished } = structuredClone(store);
    before.chat.stop();
    await before.ended();
    const after = open('alfa', conversation);
    await after.chat.resume(unfinished!);
    await after.ended();
    assert.equal(after.last.state, 'interrupted');
    assert.equal(after.last.text, unfinished!.answer.text);
    assert.match(after.last.problem!, /no longer has the rest/);
    assert.deepEqual(store.conversation, after.chat.conversation.value);
  });

  it('is interrupted when the page was closed before the server took the request', async () => {
    const page = open('alfa');
    page.chat.send(question('a'));
    const { answer } = page.chat.running.value!.unfinished;
    const after = open('alfa', structuredClone(store.conversation!));
    await after.chat.resume({ answer });
    assert.match(after.last.problem!, /before the server took the request/);
    page.chat.stop();
    await page.ended();
  });

  it('is not kept when its conversation was deleted', async () => {
    const page = open('alfa');
    page.chat.send(question('/count'));
    await page.arrived(20);
    store.conversation = store.unfinished = undefined;
    page.chat.remove();
    await page.ended();
    await page.chat.saveNow();
    assert.deepEqual(store, new Store());
  });

  it('is left for the next session when the client is closed', async () => {
    const page = open('alfa');
    page.chat.send(question('/count'));
    await page.arrived(20);
    await page.chat.saveNow();
    const ended = page.chat.running.value!.ended;
    page.client.close();
    assert.equal((await ended).error?.code, 'CLOSED');
    assert.deepEqual([store.unfinished !== undefined, store.conversation!.messages.length], [true, 1]);
  });
});
