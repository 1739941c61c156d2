// The page's link to the house: the live line, the list of conversations, and what the root of the page says about
// both. There is one house; conversations and models tell it what they need.
import { client } from '../api/client';
import type { Conversation, Live } from '../api/contract';
import { openLive } from '../api/live';
import { models } from '../features/models/models.svelte';
import { record } from './ring';

export type Link = 'online' | 'reconnecting' | 'offline';
export type Store = 'ok' | 'spooling' | 'gone';

/** Who wants to know when conversations change. */
export interface Watcher {
  /** The line is (again) open; what was read before may be old. `restarted` when another life of the server speaks. */
  greeted: (restarted: boolean) => void;
  changed: (conversation: Conversation) => void;
}

class House {
  #link = $state<Link>('online');
  #store = $state<Store>('ok');
  tries = $state(0);
  conversations = $state.raw<Conversation[]>([]);
  listed = $state(false);
  /** What to add to this device's time to have the server's. */
  #ahead = 0;
  #boot = '';
  #beats = 0;
  #watchers = new Set<Watcher>();

  get link(): Link {
    return this.#link;
  }

  get store(): Store {
    return this.#store;
  }

  /** The server's clock at this device's time `ms`. */
  serverTime(ms: number): number {
    return ms + this.#ahead;
  }

  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  open(): void {
    addEventListener('offline', () => this.#setLink('offline'));
    addEventListener('online', () => this.#setLink(this.tries > 0 ? 'reconnecting' : 'online'));
    openLive({ heard: (entry) => this.#heard(entry), lost: (tries) => this.#lost(tries) });
  }

  /** What a request has shown about the store. */
  storeIs(store: Store): void {
    if (store === this.#store) return;
    record({ what: 'store', id: '', from: this.#store, to: store });
    this.#store = store;
  }

  put(conversation: Conversation): void {
    const known = this.conversations.find((other) => other.id === conversation.id);
    if (known && known.revision > conversation.revision) return;
    const others = this.conversations.filter((other) => other !== known);
    this.conversations = conversation.deleted ? others : [conversation, ...others].sort((a, b) => b.updated_ms - a.updated_ms);
  }

  drop(id: string): void {
    this.conversations = this.conversations.filter((conversation) => conversation.id !== id);
  }

  #heard(entry: Live): void {
    this.tries = 0;
    this.#setLink('online');
    switch (entry.type) {
      case 'hello':
        return this.#greeted(entry.boot);
      case 'model':
        return models.heard(entry.model);
      case 'conversation':
        this.put(entry.conversation);
        for (const watcher of this.#watchers) watcher.changed(entry.conversation);
        return;
      case 'heartbeat':
        this.#ahead = entry.at_ms - Date.now();
        this.#beats += 1;
        if (this.#store !== 'ok' || this.#beats % STORE_EVERY === 1) void this.#askStore();
    }
  }

  #greeted(boot: string): void {
    const restarted = this.#boot !== '' && this.#boot !== boot;
    this.#boot = boot;
    void this.#readLists();
    for (const watcher of this.#watchers) watcher.greeted(restarted);
  }

  #lost(tries: number): void {
    this.tries = tries;
    this.#setLink(navigator.onLine ? 'reconnecting' : 'offline');
  }

  /** A list that cannot be read now is read at the next greeting; the line's own entries keep it fresh until then. */
  async #readLists(): Promise<void> {
    const answered = models.asking();
    const [conversations, all] = await Promise.allSettled([client.conversations(), client.models()]);
    if (conversations.status === 'fulfilled') {
      this.conversations = conversations.value;
      this.listed = true;
    }
    if (all.status === 'fulfilled') {
      answered(all.value);
      models.listed(all.value);
      models.loadAtFirstView();
    }
  }

  async #askStore(): Promise<void> {
    const health = await client.health().catch(() => undefined);
    if (health?.store) this.storeIs(health.store.ok ? 'ok' : 'gone');
  }

  #setLink(link: Link): void {
    if (link === this.#link) return;
    record({ what: 'link', id: '', from: this.#link, to: link });
    this.#link = link;
  }
}

/** A store that works is looked at every so many heartbeats: twice a minute. */
const STORE_EVERY = 6;

export const house = new House();
