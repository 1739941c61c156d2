// Folds a run's numbered events into what is shown, with the rules of `app/contract/src/run.rs`, and joins it with
// what the server stored. Nothing here takes a word back: text is only ever added.
import type { RunEvent, RunState, RunView } from '../../api/contract';

/** What an event did: it was the next one, an old one, or there is a hole before it that must be fetched. */
export type Folded = 'new' | 'known' | 'gap';

const ENDS: readonly RunState[] = ['done', 'stopped', 'interrupted', 'failed', 'withdrawn'];

export function isEnd(state: RunState): boolean {
  return ENDS.includes(state);
}

/** Changes `view` in place. A replayed event changes nothing; an event beyond a hole is not folded. */
export function fold(view: RunView, event: RunEvent): Folded {
  if (event.seq <= view.seq) return 'known';
  if (event.seq > view.seq + 1) return 'gap';
  view.seq = event.seq;
  if (isEnd(view.state)) {
    if (event.type === 'dismissed') view.dismissed = true;
  } else {
    change(view, event);
  }
  return 'new';
}

/**
 * What is shown after the server was asked again. The farther view wins; but when the server was restarted and lost
 * the last words that had reached this page, the page keeps them.
 */
export function reconcile(shown: RunView | undefined, stored: RunView, restarted: boolean): RunView {
  if (!shown) return stored;
  if (!restarted && shown.seq > stored.seq) return shown;
  return { ...stored, text: longer(stored.text, shown.text) };
}

/** The text to show for a run: while a continuation has not caught up with what it continues, that stays in view. */
export function shownText(run: RunView, siblings: readonly RunView[]): string {
  const base = run.spec.continues && siblings.find((other) => other.spec.id === run.spec.continues);
  return base
    ? longer(
        run.text,
        shownText(
          base,
          siblings.filter((other) => other !== run),
        ),
      )
    : run.text;
}

export function countWords(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}

function longer(text: string, kept: string): string {
  return kept.length > text.length && kept.startsWith(text) ? kept : text;
}

function change(view: RunView, what: RunEvent): void {
  const at = what.at_ms;
  switch (what.type) {
    case 'queued':
      view.state = 'queued';
      view.queued = what.why;
      view.place = what.place;
      break;
    case 'connecting':
    case 'recovering':
      view.state = what.type;
      beginAttempt(view, what);
      break;
    case 'status':
      if (what.status.kind === 'resumed' || what.status.kind === 'seam') view.recoveries += 1;
      view.status = what.status;
      break;
    case 'text':
      view.state = 'streaming';
      view.text += what.text;
      view.first_text_ms ??= at;
      view.status = null;
      view.cause = null;
      view.next_attempt_ms = null;
      break;
    case 'done':
      view.finish = what.finish;
      view.usage = what.usage;
      end(view, 'done', at);
      break;
    case 'stopped':
      view.stop_reason = what.reason;
      end(view, 'stopped', at);
      break;
    case 'interrupted':
    case 'failed':
      end(view, what.type, at);
      view.cause = what.cause;
      break;
    case 'withdrawn':
      end(view, 'withdrawn', at);
      break;
    case 'dismissed':
      break;
  }
}

function beginAttempt(view: RunView, what: Extract<RunEvent, { type: 'connecting' | 'recovering' }>): void {
  if (what.attempt > 1 && what.attempt > view.attempt) view.recoveries += 1;
  view.attempt = what.attempt;
  view.attempts = what.of;
  view.target = what.target;
  view.next_attempt_ms = what.wait_ms > 0 ? what.at_ms + what.wait_ms : null;
  view.cause = what.cause;
  view.queued = null;
  view.place = null;
  view.status = null;
  view.started_ms ??= what.at_ms;
}

function end(view: RunView, state: RunState, at: number): void {
  view.state = state;
  view.ended_ms = at;
  view.cause = null;
  view.status = null;
  view.queued = null;
  view.place = null;
  view.next_attempt_ms = null;
}
