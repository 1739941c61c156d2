// Where messages are written and leave: the outbox of this browser, the drafts, and which conversation is open.
import { announcer } from '../../app/announcer.svelte';
import { house } from '../../app/house.svelte';
import { keep, kept } from '../../app/kept';
import { record } from '../../app/ring';
import { client } from '../../api/client';
import type { RunView, StoredMessage } from '../../api/contract';
import { newId } from '../../api/ids';
import { Problem } from '../../api/problem';
import { say } from '../../messages';
import { models } from '../models/models.svelte';
import { OpenConversation } from './conversation.svelte';
import { Outbox } from './outbox';
import { IndexedDbOutbox, type OutboxItem } from './outbox-store';

interface Receipt {
  message: StoredMessage;
  run: RunView;
}

class Desk {
  open = $state.raw<OpenConversation | undefined>();
  tries = $state(0);
  held = $state(0);
  /** How many messages went out after the line was back, while that is worth a sentence. */
  sentWhenBack = $state<number | undefined>();
  /** This browser keeps nothing: a message stays in the composer until the server has it. */
  keepsNothing = $state(false);
  #wasAway = false;
  #sentSinceBack = 0;
  #hurry: () => void = () => undefined;
  readonly #channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('steadfast:outbox') : undefined;
  readonly #outbox = new Outbox<Receipt>(new IndexedDbOutbox(), {
    send: (item) => client.send(item.conversation, { id: item.id, text: item.text, model: item.model }),
    received: (item, receipt) => this.#received(item, receipt),
    takenBack: (item) => client.removeMessage(item.id),
    changed: (items, tries) => this.#changed(items, tries),
    alone: (work) => ('locks' in navigator ? navigator.locks.request('steadfast:outbox', work) : work()),
    pause: (ms) => this.#pause(ms),
  });

  start(): void {
    this.#channel?.addEventListener('message', () => void this.#outbox.refresh());
    for (const name of ['online', 'pageshow']) addEventListener(name, () => this.#hurry());
    house.watch({ greeted: () => this.#back(), changed: () => undefined });
    void this.#outbox.pump();
  }

  /** Shows the conversation with this id, or a new one. */
  show(id: string | undefined): void {
    if (this.open && this.open.id === id) return;
    this.open?.close();
    this.open = id === undefined ? undefined : new OpenConversation(id, false);
    this.open?.outboxChanged([...this.#outbox.items]);
  }

  /**
   * Sends what was typed, byte for byte. Resolves with the conversation's id once the message cannot be lost any more;
   * only then may the composer be cleared.
   */
  async send(words: string): Promise<string> {
    const conversation = this.open?.id ?? newId();
    const item: OutboxItem = { id: newId(), conversation, text: words, model: models.chosen.value, createdMs: Date.now() };
    const receipt = await this.#outbox.add(item).catch(() => {
      this.keepsNothing = true;
      return client.send(conversation, item);
    });
    if (!this.open) this.open = new OpenConversation(conversation, true);
    this.open.outboxChanged([...this.#outbox.items]);
    if (receipt) this.#received(item, receipt);
    record({ what: 'message', id: item.id, from: 'draft', to: 'sending' });
    this.#channel?.postMessage('changed');
    return conversation;
  }

  /** Takes a message back that the server does not have yet; its words return to the composer. */
  async takeBack(id: string): Promise<string> {
    const item = await this.#outbox.takeBack(id);
    this.open?.forget(id);
    this.#channel?.postMessage('changed');
    return item?.text ?? '';
  }

  sendAgain(id: string): Promise<void> {
    return this.#outbox.retry(id);
  }

  draft(conversation: string | undefined): string {
    return kept(`draft:${conversation ?? 'new'}`);
  }

  keepDraft(conversation: string | undefined, words: string): boolean {
    return keep(`draft:${conversation ?? 'new'}`, words);
  }

  #received(item: OutboxItem, { message, run }: Receipt): void {
    record({ what: 'message', id: item.id, from: 'sending', to: run.state === 'queued' ? 'queued' : 'sent' });
    announcer.say(say('say.sent'));
    this.#sentSinceBack += 1;
    if (this.open?.id === item.conversation) this.open.received(message, run);
    this.#channel?.postMessage('changed');
  }

  #changed(items: OutboxItem[], tries: number): void {
    this.tries = tries;
    this.held = items.filter((item) => !item.refused).length;
    this.open?.outboxChanged(items);
    if (tries > 0) this.#wasAway = true;
    if (this.held === 0 && this.#wasAway) this.#allSent();
  }

  /** "Back. 2 messages sent.", for as long as it takes to read. */
  #allSent(): void {
    this.#wasAway = false;
    this.sentWhenBack = this.#sentSinceBack;
    setTimeout(() => (this.sentWhenBack = undefined), 8_000);
  }

  #back(): void {
    this.#hurry();
    void this.#outbox.pump();
  }

  #pause(ms: number): Promise<void> {
    this.#sentSinceBack = 0;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** What a person is told when a request of theirs did not work. */
export function whyNot(error: unknown): string {
  if (error instanceof Problem) return error.detail || error.code;
  return error instanceof Error ? error.message : String(error);
}

export const desk = new Desk();
