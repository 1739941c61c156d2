// What an answer shows in each of its states: the sentence, the buttons, the keel. Pure: the same run at the same time
// gives the same picture, so every state is tested without a page. The first button is the best way forward.
import type { RunView } from '../../api/contract';
import { say, type Sentence } from '../../messages';
import { took, wait } from '../../components/amounts';
import { headline, kindOf, type ErrorClass } from './error-classes';
import { countWords } from './run';

export type Keel = 'dots' | 'dashes' | 'breathing' | 'still' | 'gap' | 'foot' | 'hatch' | 'line' | 'none';

/** Afloat: still moving, in italics. Fixed: settled. Failed: settled badly. */
export type Tone = 'afloat' | 'fixed' | 'failed';

export type ActionKind =
  | 'stop'
  | 'try_now'
  | 'try_again'
  | 'answer_with'
  | 'finish_with'
  | 'continue'
  | 'start_over'
  | 'keep'
  | 'dismiss'
  | 'show'
  | 'copy'
  | 'open_models'
  | 'load'
  | 'edit'
  | 'new_conversation'
  | 'copy_report';

export interface Action {
  kind: ActionKind;
  label: Sentence;
  /** The model that the action is about, for `answer_with`, `finish_with` and `load`. */
  model?: string;
}

export interface Note {
  tone: Tone;
  headline: Sentence;
  /** What is being done, or was done, about it. */
  then?: Sentence;
  /** In small letters below. */
  small?: Sentence;
}

export interface Picture {
  keel: Keel;
  note?: Note;
  actions: Action[];
  margin: Sentence[];
  errorClass?: ErrorClass;
  retryable?: boolean;
  /** Whether the log of attempts is worth opening. */
  hasLog: boolean;
  /** A dismissed failure is one line until it is shown again. */
  collapsed: boolean;
}

/** What a model is called and how it is asked for. */
export interface Named {
  value: string;
  name: string;
}

export interface Surroundings {
  /** The server's time. */
  now: number;
  /** How long no text and no sign of work has come for this run. */
  quietMs: number;
  /** Whether bytes of any kind still come. */
  connected: boolean;
  /** The model that was asked for, by its name for people. */
  model: string;
  /** The best other model, if one can answer. */
  other: Named | undefined;
  /** What the person chose for the next message, when it is not this run's model. */
  chosen: Named | undefined;
  /** The text in view: the run's own, or what it continues. */
  text: string;
  /** Whether a dismissed failure was opened again. */
  reopened: boolean;
}

export function picture(run: RunView, around: Surroundings): Picture {
  const drawn = DRAW[run.state](run, around);
  return { ...drawn, hasLog: run.recoveries > 0 || run.state === 'failed' || run.state === 'interrupted' };
}

type Drawn = Omit<Picture, 'hasLog'>;

const DRAW: Record<RunView['state'], (run: RunView, around: Surroundings) => Drawn> = {
  queued: (run, around) => ({
    ...plain('dots'),
    note: { tone: 'afloat', headline: run.queued === 'model_not_loaded' ? say('load.none', around) : say('you.waits', around) },
    actions: [
      ...(run.queued === 'model_not_loaded' ? [act.load(run.spec.model, around.model)] : []),
      ...answerWith(around),
      { kind: 'stop', label: say('act.stop') },
    ],
    margin: [say('you.in_line')],
  }),

  connecting: (run, around) => {
    const stop: Action = { kind: 'stop', label: say('act.stop') };
    if (run.attempt < 2 && !run.cause) {
      return {
        ...plain('breathing'),
        note: { tone: 'afloat', headline: firstAsking(run, around) },
        actions: around.quietMs >= QUIET_MS ? [...answerWith(around), stop] : switchOffer(around),
      };
    }
    const waiting = seconds(run, around);
    const who = run.target ?? around.model;
    const next =
      waiting > 0
        ? say('answer.retry_in', { attempt: run.attempt, of: run.attempts, wait: wait(waiting) })
        : say('answer.asking_try', { who, attempt: run.attempt, of: run.attempts });
    return {
      ...plain('dashes'),
      ...trouble(run, around),
      note: run.cause
        ? { tone: 'afloat', headline: headlineOf(run, around), then: next, small: saved(around) }
        : { tone: 'afloat', headline: next, small: saved(around) },
      actions: [...(waiting > 0 ? [act.tryNow()] : []), ...answerWith(around), stop],
    };
  },

  streaming: (run, around) => {
    const isQuiet = around.quietMs >= QUIET_MS;
    const now = doing(run, around) ?? (isQuiet ? quiet(around) : undefined);
    return {
      ...plain(isQuiet ? 'still' : 'breathing'),
      ...(now && { note: { tone: 'afloat', headline: now } }),
      actions: [...switchOffer(around), ...(isQuiet ? [act.tryAgain(), act.stop()] : [])],
    };
  },

  recovering: (run, around) => {
    const waiting = seconds(run, around);
    const turn = { attempt: run.attempt, of: run.attempts };
    return {
      ...plain('dashes'),
      ...trouble(run, around),
      note: {
        tone: 'afloat',
        headline: headlineOf(run, around),
        then: waiting > 0 ? say('answer.pick_up_in', { ...turn, wait: wait(waiting) }) : say('answer.pick_up', turn),
        small: saved(around),
      },
      actions: [...finishWith(around), ...(waiting > 0 ? [act.tryNow()] : []), { kind: 'stop', label: say('act.stop_here') }],
    };
  },

  interrupted: (run, around) => ({
    ...plain('gap'),
    ...trouble(run, around),
    ...(!run.dismissed && {
      note: {
        tone: 'fixed',
        headline: headlineOf(run, around),
        then: around.text ? say('answer.interrupted.all') : say('answer.interrupted.empty'),
      },
    }),
    ...(run.dismissed && !around.text && { note: { tone: 'fixed', headline: say('answer.interrupted.empty') } }),
    actions: run.dismissed
      ? [...(around.text ? [act.copy()] : []), act.startOver()]
      : [...(around.text ? [act.continue()] : []), act.startOver(), { kind: 'keep', label: say('act.keep') }],
    margin: [say('answer.interrupted')],
  }),

  stopped: (run, around) => ({
    ...plain('foot'),
    ...(!around.text && { note: { tone: 'fixed', headline: say('answer.stopped.empty') } }),
    actions: [...(around.text ? [act.continue()] : []), act.startOver()],
    margin: [stoppedBy(run.stop_reason)],
  }),

  failed: (run, around) => {
    if (run.dismissed && !around.reopened) {
      const line: Note = { tone: 'fixed', headline: say('answer.not_answered') };
      return {
        ...plain('hatch'),
        ...trouble(run, around),
        note: line,
        collapsed: true,
        actions: [{ kind: 'show', label: say('act.show') }],
      };
    }
    const kind = run.cause && kindOf(run.cause);
    const again = kind?.tryAgain === 'offered' ? [act.tryAgain()] : [];
    const fix = kind?.fix ? [FIXES[kind.fix]] : [];
    return {
      ...plain('hatch'),
      ...trouble(run, around),
      note: {
        tone: 'failed',
        headline: headlineOf(run, around),
        ...(kind && { then: say(kind.then) }),
        small: tried(run),
      },
      actions: [
        ...again,
        ...answerWith(around),
        ...fix,
        ...(run.dismissed ? [] : [{ kind: 'dismiss' as const, label: say('act.dismiss') }]),
      ],
      margin: [say('answer.not_answered')],
    };
  },

  done: (run, around) => ({
    ...plain('line'),
    ...(!around.text && { note: { tone: 'fixed', headline: say('answer.empty') } }),
    actions: [...(around.text ? [act.copy()] : []), act.tryAgain()],
    margin: [
      ...(run.ended_ms && run.started_ms ? [say('answer.took', { took: took(run.ended_ms - run.started_ms) })] : []),
      ...(run.recoveries > 0 ? [say('answer.recovered', { times: run.recoveries })] : []),
      ...(run.finish === 'length' ? [say('answer.length')] : []),
      ...(run.finish === 'content_filter' ? [say('answer.filtered')] : []),
    ],
  }),

  withdrawn: () => plain('none'),
};

const act = {
  copy: (): Action => ({ kind: 'copy', label: say('act.copy') }),
  continue: (): Action => ({ kind: 'continue', label: say('act.continue') }),
  startOver: (): Action => ({ kind: 'start_over', label: say('act.start_over') }),
  stop: (): Action => ({ kind: 'stop', label: say('act.stop') }),
  tryAgain: (): Action => ({ kind: 'try_again', label: say('act.try_again') }),
  tryNow: (): Action => ({ kind: 'try_now', label: say('act.try_now') }),
  load: (value: string, name: string): Action => ({ kind: 'load', label: say('act.load', { model: name }), model: value }),
};

const FIXES: Record<NonNullable<ReturnType<typeof kindOf>['fix']>, Action> = {
  open_servers: { kind: 'open_models', label: say('act.open_servers') },
  open_models: { kind: 'open_models', label: say('act.open_models') },
  load: { kind: 'load', label: say('models.load') },
  edit: { kind: 'edit', label: say('act.edit') },
  new_conversation: { kind: 'new_conversation', label: say('act.new_conversation') },
  copy_report: { kind: 'copy_report', label: say('act.copy_report') },
};

/** Silence that is worth a sentence. */
const QUIET_MS = 10_000;

function plain(keel: Keel): Drawn {
  return { keel, actions: [], margin: [], collapsed: false };
}

function firstAsking(run: RunView, around: Surroundings): Sentence {
  return doing(run, around) ?? (around.quietMs >= QUIET_MS ? quiet(around) : say('answer.asking', { who: run.target ?? around.model }));
}

/** What the provider says that it is doing, when that is worth saying. */
function doing(run: RunView, around: Surroundings): Sentence | undefined {
  switch (run.status?.kind) {
    case 'waiting':
      return say('answer.waiting', { place: run.status.place });
    case 'reading':
      if (run.status.total === 0) return say('answer.reading_long');
      return say('answer.reading', { percent: Math.round((100 * run.status.done) / run.status.total) });
    case 'resumed':
      return say('answer.resumed');
    case 'seam':
      return say('answer.seam', { from: run.status.from, to: run.status.to });
    case 'alive':
    case undefined:
      return around.connected ? undefined : quiet(around);
  }
}

function quiet(around: Surroundings): Sentence {
  const seconds = Math.floor(around.quietMs / 1000);
  return around.connected ? say('answer.quiet', { seconds }) : say('answer.quiet_alone', { seconds });
}

function headlineOf(run: RunView, around: Surroundings): Sentence {
  return run.cause ? headline(run.cause, around.model, run.target ?? around.model) : say('err.internal');
}

function trouble(run: RunView, around: Surroundings): Pick<Drawn, 'errorClass' | 'retryable'> {
  if (!run.cause) return {};
  const kind = kindOf(run.cause);
  const cut = around.text !== '' && kind.class === 'upstream.down';
  return { errorClass: cut ? 'stream.cut' : kind.class, retryable: kind.tryAgain === 'offered' };
}

function seconds(run: RunView, around: Surroundings): number {
  return run.next_attempt_ms === null ? 0 : Math.max(0, (run.next_attempt_ms - around.now) / 1000);
}

function saved(around: Surroundings): Sentence {
  return around.text ? say('answer.words_saved', { words: countWords(around.text) }) : say('answer.question_saved');
}

function tried(run: RunView): Sentence {
  if (run.attempt < 2 || !run.started_ms || !run.ended_ms) return say('answer.tried_once');
  return say('answer.tried', { attempts: run.attempt, over: took(run.ended_ms - run.started_ms) });
}

function answerWith({ other }: Surroundings): Action[] {
  return other ? [{ kind: 'answer_with', label: say('act.answer_with', { model: other.name }), model: other.value }] : [];
}

function finishWith({ other }: Surroundings): Action[] {
  return other ? [{ kind: 'finish_with', label: say('act.finish_with', { model: other.name }), model: other.value }] : [];
}

/** Another model was chosen while this one answers: it may take over. */
function switchOffer({ chosen }: Surroundings): Action[] {
  return chosen ? [{ kind: 'finish_with', label: say('act.finish_this', { model: chosen.name }), model: chosen.value }] : [];
}

function stoppedBy(reason: string | null): Sentence {
  switch (reason) {
    case 'user_stop':
    case 'route_change':
    case 'model_switch':
    case 'shutdown':
    case 'superseded':
      return say(`answer.stopped.${reason}`);
    default:
      return say('answer.stopped.other');
  }
}
