// One conversation on the screen: its turns as the server has them, joined with what is still on its way there. It
// follows the one run that moves, and reads everything again when the server says that something else changed.
import { house } from '../../app/house.svelte';
import { client, type NewRun, type StopReason } from '../../api/client';
import type { Conversation, ConversationView, RunView, StoredMessage, Turn } from '../../api/contract';
import { newId } from '../../api/ids';
import type { Line } from '../../api/line';
import { Problem } from '../../api/problem';
import { followRun } from '../../api/run-line';
import { text } from '../../messages';
import type { OutboxItem } from './outbox-store';
import { ShownRun } from './shown-run.svelte';

export interface ShownTurn {
  message: StoredMessage;
  runs: ShownRun[];
}

export class OpenConversation {
  readonly id: string;
  turns = $state.raw<ShownTurn[]>([]);
  title = $state('');
  /** `new` has never been on the server; `gone` is not there, or not any more. */
  status = $state<'opening' | 'new' | 'here' | 'gone'>('opening');
  /** Messages that the server may not have yet. */
  pending = $state.raw<OutboxItem[]>([]);
  /** Those of them that are no longer in the outbox: sent, or taken back, maybe in another tab. */
  #left: OutboxItem[] = [];
  #revision = 0;
  #line: Line | undefined;
  #followed: ShownRun | undefined;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #restarted = false;
  readonly #unwatch: () => void;
  #closed = false;

  constructor(id: string, isNew: boolean) {
    this.id = id;
    if (isNew) this.status = 'new';
    this.#unwatch = house.watch({
      greeted: (restarted) => this.#greeted(restarted),
      changed: (conversation) => this.#announced(conversation),
    });
    document.addEventListener('visibilitychange', this.#woke);
    if (!isNew) void this.read();
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
    document.removeEventListener('visibilitychange', this.#woke);
    this.#line?.close();
  }

  /** The newest answer that has not ended; what Stop stops. */
  get running(): ShownRun | undefined {
    return this.turns.flatMap((turn) => turn.runs).find((run) => !run.isOver && run.view.state !== 'queued');
  }

  /** Messages in line, here and at the server. */
  get inLine(): number {
    return this.pending.length + this.turns.filter((turn) => turn.runs.some((run) => run.view.state === 'queued')).length;
  }

  /** What the outbox holds. A message that left it stays in view until the server's list has it. */
  outboxChanged(items: OutboxItem[]): void {
    const mine = items.filter((item) => item.conversation === this.id);
    this.#left = this.pending.filter((item) => !mine.some((other) => other.id === item.id) && !this.#has(item.id));
    this.pending = [...this.#left, ...mine].filter((item) => !this.#has(item.id));
    if (this.#left.length > 0) void this.read();
  }

  /** The receipt of a message that this tab sent. */
  received(message: StoredMessage, run: RunView): void {
    this.#merge([{ message, runs: [run] }], 'some');
    this.status = 'here';
  }

  forget(id: string): void {
    this.pending = this.pending.filter((item) => item.id !== id);
  }

  /** Reads everything again. Calls while it reads are joined into one more reading. */
  read(): Promise<void> {
    this.#readAgain = true;
    this.#reading ??= this.#readAll();
    return this.#reading;
  }

  async stop(run: ShownRun, reason: StopReason): Promise<void> {
    run.stopping = Date.now();
    await this.#ask(run, () => insist(() => client.stop(run.id, reason)).then((view) => run.stored(view, false)));
    run.stopping = 0;
  }

  tryNow(run: ShownRun): Promise<void> {
    return this.#ask(run, () => client.tryNow(run.id));
  }

  dismiss(run: ShownRun): Promise<void> {
    run.reopened = false;
    return this.#ask(run, async () => run.stored(await client.dismiss(run.id), false));
  }

  /** Another answer to the message of `run`; whatever still runs for it is stopped first. */
  again(run: ShownRun, more: Omit<NewRun, 'id'>): Promise<void> {
    const message = run.view.spec.message_id;
    return this.#ask(run, async () => {
      if (!run.isOver) run.stored(await client.stop(run.id, 'model_switch'), false);
      const id = newId();
      const view = await insist(() => client.runAgain(message, { id, ...more }));
      this.#merge(
        this.turns.filter((turn) => turn.message.id === message).map((turn) => ({ message: turn.message, runs: [view] })),
        'some',
      );
    });
  }

  editMessage(turn: ShownTurn, words: string): Promise<string> {
    return this.#change(async () => this.#merge([{ message: await client.editMessage(turn.message.id, words), runs: [] }], 'some'));
  }

  removeMessage(turn: ShownTurn): Promise<string> {
    return this.#change(async () => {
      await client.removeMessage(turn.message.id);
      this.turns = this.turns.filter((other) => other !== turn);
    });
  }

  sendNow(turn: ShownTurn): Promise<string> {
    return this.#change(() => client.sendNow(turn.message.id));
  }

  /** A tab that nobody sees gives its connection back; the live line still tells it of every change. */
  readonly #woke = (): void => {
    this.#line?.close();
    this.#line = undefined;
    if (document.visibilityState === 'hidden') return;
    this.#followed?.woke();
    this.#follow();
  };

  #has(message: string): boolean {
    return this.turns.some((turn) => turn.message.id === message);
  }

  #greeted(restarted: boolean): void {
    this.#restarted ||= restarted;
    if (this.status !== 'new') void this.read();
  }

  #announced(conversation: Conversation): void {
    if (conversation.id !== this.id) return;
    this.title = conversation.title;
    if (conversation.revision > this.#revision) void this.read();
  }

  async #readAll(): Promise<void> {
    try {
      while (this.#readAgain && !this.#closed) {
        this.#readAgain = false;
        await this.#readOnce();
      }
    } finally {
      this.#reading = undefined; // in the same breath as the last look, so that no call falls in between
    }
  }

  async #readOnce(): Promise<void> {
    const [restarted, left] = [this.#restarted, this.#left];
    const view = await client.conversation(this.id).catch((problem: unknown) => problem);
    if (this.#closed) return;
    const isMissing = view instanceof Problem && view.status === 404;
    if (view instanceof Error && !isMissing) return; // the next greeting reads again
    // What left the outbox and is not there either was taken back.
    this.pending = this.pending.filter((item) => !left.includes(item));
    if (!isMissing) this.#take(view as ConversationView, restarted);
    else if (this.status === 'opening' && this.pending.length === 0) this.status = 'gone';
  }

  #take(view: ConversationView, restarted: boolean): void {
    this.#revision = Math.max(this.#revision, view.conversation.revision);
    this.title = view.conversation.title;
    this.status = 'here';
    this.#restarted &&= !restarted;
    house.put(view.conversation);
    this.#merge(view.turns, 'all', restarted);
  }

  /** Joins what the server says with what is shown. `all` is the whole conversation, `some` only a part of it. */
  #merge(turns: Turn[], extent: 'all' | 'some', restarted = false): void {
    const merged = turns.map((turn) => this.#mergeTurn(turn, restarted));
    const kept = extent === 'all' ? [] : this.turns.filter((turn) => !merged.some((other) => other.message.id === turn.message.id));
    this.turns = [...kept, ...merged].sort((a, b) => a.message.ordinal - b.message.ordinal);
    this.pending = this.pending.filter((item) => !this.#has(item.id));
    this.#follow();
  }

  #mergeTurn(turn: Turn, restarted: boolean): ShownTurn {
    const shown = this.turns.find((other) => other.message.id === turn.message.id)?.runs ?? [];
    const runs = turn.runs.map((view) => {
      const known = shown.find((run) => run.id === view.spec.id);
      known?.stored(view, restarted);
      return known ?? new ShownRun(view);
    });
    const unknown = shown.filter((run) => !runs.includes(run));
    return { message: turn.message, runs: [...unknown, ...runs].sort((a, b) => a.view.spec.version - b.view.spec.version) };
  }

  /** One line, to the run that moves; while all wait, to the one that waits in front. */
  #follow(): void {
    const runs = this.turns.flatMap((turn) => turn.runs);
    const next = runs.find((run) => !run.hasEnded && run.view.state !== 'queued') ?? runs.find((run) => !run.hasEnded);
    if (next === this.#followed && this.#line) return;
    this.#line?.close();
    this.#followed = next;
    if (document.visibilityState === 'hidden') return;
    this.#line =
      next &&
      followRun(next.id, {
        seen: () => next.seen,
        event: (event) => next.event(event),
        alive: () => next.alive(),
        ended: () => this.#lineEnded(next),
      });
  }

  #lineEnded(run: ShownRun): boolean {
    void this.read();
    if (!run.hasEnded) return false;
    this.#line = undefined;
    this.#followed = undefined;
    this.#follow();
    return true;
  }

  /** Runs a button's request; what goes wrong is said beside the button. */
  async #ask(run: ShownRun, work: () => Promise<unknown>): Promise<void> {
    run.trouble = '';
    run.trouble = await this.#change(work);
  }

  async #change(work: () => Promise<unknown>): Promise<string> {
    try {
      await work();
      return '';
    } catch (error) {
      void this.read();
      if (!(error instanceof Problem)) throw error;
      if (error.status === 409) return text('you.too_late');
      return error.code === 'LINK_LOST' ? text('err.link.offline') : error.detail;
    }
  }
}

/** Asks again when the answer got lost: every request that comes here is harmless when repeated. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (const pause of [300, 1_000, 3_000]) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Problem) || !error.retryable) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return ask();
}
