// Gets messages to the server: each is on this device before its first byte leaves, and stays there until the receipt.
// One tab sends at a time (a Web Lock), in order, for ever; a message that the server refuses waits for the person.
import { Problem } from '../../api/problem';
import type { OutboxItem, OutboxStore } from './outbox-store';

export interface OutboxEnds<Receipt> {
  send: (item: OutboxItem) => Promise<Receipt>;
  /** The server has it. Called before the item leaves the list, so that nothing blinks. */
  received: (item: OutboxItem, receipt: Receipt) => void;
  /** The server has it, but the person took it back while it was on its way. */
  takenBack: (item: OutboxItem) => Promise<unknown>;
  /** What is waiting, after every change of it. `tries` counts the failures in a row. */
  changed: (items: OutboxItem[], tries: number) => void;
  /** Runs `work` when no other tab does. */
  alone: (work: () => Promise<void>) => Promise<void>;
  /** Waits before the next try; `hurry` ends it. */
  pause: (ms: number) => Promise<void>;
}

export class Outbox<Receipt> {
  #items: OutboxItem[] = [];
  #tries = 0;
  #pumping: Promise<void> | undefined;
  #again = false;
  readonly #store: OutboxStore;
  readonly #ends: OutboxEnds<Receipt>;

  constructor(store: OutboxStore, ends: OutboxEnds<Receipt>) {
    this.#store = store;
    this.#ends = ends;
  }

  get items(): readonly OutboxItem[] {
    return this.#items;
  }

  /** Resolves when the message is safe on this device; rejects when this browser cannot keep it. */
  async add(item: OutboxItem): Promise<void> {
    await this.#store.put(item);
    await this.refresh();
    void this.pump();
  }

  /** Takes a message back. If it is on its way already, the server is asked to forget it. */
  async takeBack(id: string): Promise<OutboxItem | undefined> {
    const item = this.#items.find((candidate) => candidate.id === id);
    await this.#store.delete(id);
    await this.refresh();
    return item;
  }

  /** Offers a refused message again. */
  async retry(id: string): Promise<void> {
    const item = this.#items.find((candidate) => candidate.id === id);
    if (!item) return;
    const { refused: _, ...fresh } = item;
    await this.add(fresh);
  }

  /** Reads what is stored: another tab may have written, or sent. */
  async refresh(): Promise<void> {
    this.#items = await this.#store.all().catch(() => this.#items);
    this.#ends.changed(this.#items, this.#tries);
  }

  /** Sends everything that can be sent; resolves when nothing is left to send. Calling it while it runs makes it look once more. */
  pump(): Promise<void> {
    this.#again = true;
    this.#pumping ??= this.#pumpAll();
    return this.#pumping;
  }

  async #pumpAll(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#ends.alone(() => this.#sendAll());
      }
    } finally {
      this.#pumping = undefined; // in the same breath as the last look, so that no call falls in between
    }
  }

  async #sendAll(): Promise<void> {
    await this.refresh();
    for (let item = this.#next(); item; item = this.#next()) {
      const outcome = await this.#send(item);
      if (outcome === 'later') await this.#ends.pause(Math.min(500 * 2 ** (this.#tries - 1), 5_000));
      await this.refresh();
    }
  }

  #next(): OutboxItem | undefined {
    return this.#items.find((item) => !item.refused);
  }

  async #send(item: OutboxItem): Promise<'gone' | 'later'> {
    try {
      const receipt = await this.#ends.send(item);
      this.#tries = 0;
      await this.#finish(item, receipt);
      return 'gone';
    } catch (error) {
      if (error instanceof Problem && !error.retryable) {
        await this.#store.put({ ...item, refused: asFailure(error) });
        return 'gone';
      }
      this.#tries += 1;
      return 'later';
    }
  }

  async #finish(item: OutboxItem, receipt: Receipt): Promise<void> {
    const stored = await this.#store.all().catch(() => [item]);
    if (stored.some((other) => other.id === item.id)) this.#ends.received(item, receipt);
    else await this.#ends.takenBack(item).catch(() => this.#ends.received(item, receipt));
    await this.#store.delete(item.id);
  }
}

function asFailure(problem: Problem) {
  return { code: problem.code, message: problem.detail, retryable: false, suggestion: problem.suggestion };
}
