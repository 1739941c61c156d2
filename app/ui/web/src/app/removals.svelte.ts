// Conversations that were deleted a moment ago: each stays in the list as one line with Undo until its time is over.
import { client } from '../api/client';
import type { Conversation } from '../api/contract';
import { house } from './house.svelte';

/** As long as the server promises to take a deletion back. */
const UNDO_MS = 10_000;

class Removals {
  rows = $state.raw<Conversation[]>([]);
  #until = $state.raw<Record<string, number>>({});

  /** When the last chance to undo is over, for a conversation that was deleted. */
  until(id: string): number | undefined {
    return this.#until[id];
  }

  async remove(conversation: Conversation): Promise<void> {
    await client.remove(conversation.id);
    this.rows = [...this.rows, conversation];
    this.#until = { ...this.#until, [conversation.id]: Date.now() + UNDO_MS };
    house.drop(conversation.id);
    setTimeout(() => this.#forget(conversation.id), UNDO_MS);
  }

  async undo(id: string): Promise<void> {
    house.put(await client.restore(id));
    this.#forget(id);
  }

  #forget(id: string): void {
    this.rows = this.rows.filter((row) => row.id !== id);
    const { [id]: _, ...others } = this.#until;
    this.#until = others;
  }
}

export const removals = new Removals();
