// The conversations of this browser, in its IndexedDB. They are never sent anywhere.
import { titleOf, type Conversation } from './conversation.js';
import type { UnfinishedAnswer } from './running-answer.js';

/** A conversation in the list. */
export interface Summary {
  readonly id: string;
  readonly title: string;
  readonly model: string;
  readonly updatedAt: number;
}

/** `summaries` is a store of its own, because conversations can have images; so is what changes every second. */
const stores = ['conversations', 'summaries', 'unfinished'] as const;

/** Conversations that are kept. @throws what the browser says when it keeps nothing, or has no space */
export class History {
  #database: Promise<IDBDatabase> | undefined;

  /** The newest first. */
  async list(): Promise<readonly Summary[]> {
    const summaries = await this.#read('summaries', (store) => store.getAll() as IDBRequest<Summary[]>);
    return summaries.sort((one, other) => other.updatedAt - one.updatedAt);
  }

  load(id: string): Promise<Conversation | undefined> {
    return this.#read('conversations', (store) => store.get(id));
  }

  all(): Promise<readonly Conversation[]> {
    return this.#read('conversations', (store) => store.getAll());
  }

  /** The ids of conversations whose answer was being received. */
  unfinishedIds(): Promise<readonly string[]> {
    return this.#read('unfinished', (store) => store.getAllKeys() as IDBRequest<string[]>);
  }

  unfinished(id: string): Promise<UnfinishedAnswer | undefined> {
    return this.#read('unfinished', (store) => store.get(id));
  }

  /** Keeps a conversation; no answer of it is unfinished then. */
  save(conversation: Conversation): Promise<void> {
    const { id, model, updatedAt } = conversation;
    return this.#write((transaction) => {
      transaction.objectStore('conversations').put(conversation, id);
      transaction.objectStore('summaries').put({ id, title: titleOf(conversation), model, updatedAt }, id);
      transaction.objectStore('unfinished').delete(id);
    });
  }

  saveUnfinished(id: string, unfinished: UnfinishedAnswer): Promise<void> {
    return this.#write((transaction) => transaction.objectStore('unfinished').put(unfinished, id));
  }

  remove(id: string): Promise<void> {
    return this.#write((transaction) => {
      for (const name of stores) transaction.objectStore(name).delete(id);
    });
  }

  clear(): Promise<void> {
    return this.#write((transaction) => {
      for (const name of stores) transaction.objectStore(name).clear();
    });
  }

  async close(): Promise<void> {
    (await this.#database)?.close();
  }

  async #read<T>(name: (typeof stores)[number], query: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = (await this.#open()).transaction(name);
    return settled(query(transaction.objectStore(name)));
  }

  async #write(change: (transaction: IDBTransaction) => void): Promise<void> {
    const transaction = (await this.#open()).transaction(stores, 'readwrite');
    change(transaction);
    transaction.commit();
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('The browser did not keep the conversation.'));
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= openDatabase();
    return this.#database;
  }
}

async function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open('lamina.chat', 1);
  request.onupgradeneeded = () => {
    for (const name of stores) request.result.createObjectStore(name);
  };
  const database = await settled(request);
  // A newer page in another tab can then change it.
  database.onversionchange = () => database.close();
  return database;
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('The browser cannot read its conversations.'));
  });
}
