// One answer on the screen: the folded run, and what only this page knows about it (how long it has been quiet, whether
// a stop is on its way). Events are folded once per frame, however many came.
import { announcer } from '../../app/announcer.svelte';
import { house } from '../../app/house.svelte';
import { record } from '../../app/ring';
import type { RunEvent, RunState, RunView } from '../../api/contract';
import { say, text } from '../../messages';
import { models } from '../models/models.svelte';
import { headline } from './error-classes';
import { countWords, fold, isEnd, reconcile, type Folded } from './run';

export class ShownRun {
  view: RunView = $state.raw(undefined as never);
  /** A stop was asked for at this time and has not been confirmed. */
  stopping = $state(0);
  /** What went wrong with the last button. */
  trouble = $state('');
  /** A dismissed failure is in view again. */
  reopened = $state(false);
  #heard = $state(Date.now());
  #alive = $state(Date.now());
  #waiting: RunEvent[] = [];
  #ahead: RunView;
  #frame = 0;
  #spoke = Date.now();

  constructor(view: RunView) {
    this.view = view;
    this.#ahead = view;
    record({ what: 'run', id: view.spec.id, from: 'none', to: view.state, attempt: view.attempt });
  }

  get id(): string {
    return this.view.spec.id;
  }

  get isOver(): boolean {
    return isEnd(this.view.state);
  }

  /** The number of the last event that is folded or about to be. */
  get seen(): number {
    return this.#ahead.seq;
  }

  get hasEnded(): boolean {
    return isEnd(this.#ahead.state);
  }

  /** How long nothing was said about this answer, and whether bytes still come. */
  quiet(now: number): { quietMs: number; connected: boolean } {
    return { quietMs: now - this.#heard, connected: now - this.#alive < CONNECTED_MS && house.link === 'online' };
  }

  alive(): void {
    this.#alive = Date.now();
  }

  /** Silence does not count while the machine slept. */
  woke(): void {
    this.#heard = Date.now();
    this.#alive = Date.now();
  }

  /** The next event of its line. */
  event(event: RunEvent): Folded {
    if (this.#ahead === this.view) this.#ahead = { ...this.view };
    const folded = fold(this.#ahead, event);
    if (folded !== 'new') return folded;
    if (event.type !== 'status' || event.status.kind !== 'alive') this.#heard = Date.now();
    this.#waiting.push(event);
    if (event.type === 'text' && document.visibilityState === 'visible') this.#frame ||= requestAnimationFrame(() => this.#show());
    else this.#show();
    return folded;
  }

  /** What the server has stored, read anew. */
  stored(view: RunView, restarted: boolean): void {
    const next = reconcile(this.#ahead, view, restarted);
    if (next === this.#ahead) return this.#show();
    const before = this.view;
    this.#waiting = [];
    this.#ahead = next;
    this.view = next;
    if (before.seq !== next.seq) this.#changed(before, next);
  }

  #show(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#ahead === this.view) return;
    let before = this.view;
    for (const event of this.#waiting) {
      const after = { ...before };
      fold(after, event);
      this.#changed(before, after);
      before = after;
    }
    this.#waiting = [];
    this.view = this.#ahead;
  }

  #changed(before: RunView, after: RunView): void {
    const isAttempt = after.attempt !== before.attempt && !isEnd(after.state);
    if (after.state === before.state && !isAttempt) return this.#stillAnswering(after);
    record({ what: 'run', id: this.id, from: before.state, to: after.state, attempt: after.attempt });
    if (isEnd(after.state)) this.stopping = 0;
    this.#spoke = Date.now();
    this.#announce(before.state, after);
  }

  #announce(before: RunState, run: RunView): void {
    const model = models.called(run.spec.model).name;
    switch (run.state) {
      case 'queued':
        return announcer.say(say('say.in_line'));
      case 'connecting':
        return run.attempt > 1 ? announcer.say(say('say.retrying', { attempt: run.attempt, of: run.attempts })) : undefined;
      case 'streaming':
        return announcer.say(before === 'recovering' ? say('say.recovered') : say('say.answering', { model }));
      case 'recovering':
        return announcer.say(say('say.dropped'));
      case 'done':
        return announcer.say(say('say.finished', { words: countWords(run.text) }));
      case 'stopped':
        return announcer.say(say('say.stopped'));
      case 'interrupted':
        return announcer.say(say('say.interrupted'));
      case 'failed': {
        const said = run.cause ? headline(run.cause, model, run.target ?? model).text : text('err.internal');
        const other = models.other(run.spec.model);
        return announcer.warn(other ? text('say.available', { headline: said, model: other.name }) : said);
      }
      case 'withdrawn':
    }
  }

  /** A long answer is mentioned now and then, so that silence does not sound like an end. */
  #stillAnswering(run: RunView): void {
    if (run.state !== 'streaming' || Date.now() - this.#spoke < STILL_MS) return;
    this.#spoke = Date.now();
    announcer.say(say('say.still', { words: countWords(run.text) }));
  }
}

/** Two heartbeats of the server may be late. */
const CONNECTED_MS = 11_000;
const STILL_MS = 15_000;
