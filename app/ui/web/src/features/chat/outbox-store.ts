// Where messages lie until the server has them: an IndexedDB table, so that they survive a reload, a crash and a
// closed browser. It only stores; `outbox.ts` sends.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Failure } from '../../api/contract';

export interface OutboxItem {
  /** The message's id, chosen here; the server makes one message of it however often it comes. */
  id: string;
  conversation: string;
  text: string;
  model: string;
  createdMs: number;
  /** Why the server will not take it; it waits for the person then. */
  refused?: Failure;
}

export interface OutboxStore {
  /** In the order in which they were written. */
  all(): Promise<OutboxItem[]>;
  put(item: OutboxItem): Promise<void>;
  delete(id: string): Promise<void>;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: OutboxItem; indexes: { created: number } };
}

export class IndexedDbOutbox implements OutboxStore {
  #database: Promise<IDBPDatabase<Schema>> | undefined;

  async all(): Promise<OutboxItem[]> {
    return (await this.#open()).getAllFromIndex('outbox', 'created');
  }

  async put(item: OutboxItem): Promise<void> {
    const write = (await this.#open()).transaction('outbox', 'readwrite', { durability: 'strict' });
    await Promise.all([write.store.put(item), write.done]);
  }

  async delete(id: string): Promise<void> {
    await (await this.#open()).delete('outbox', id);
  }

  #open(): Promise<IDBPDatabase<Schema>> {
    this.#database ??= openDB<Schema>('steadfast', 1, {
      upgrade: (database) => void database.createObjectStore('outbox', { keyPath: 'id' }).createIndex('created', 'createdMs'),
      terminated: () => (this.#database = undefined),
    });
    this.#database.catch(() => (this.#database = undefined));
    return this.#database;
  }
}
