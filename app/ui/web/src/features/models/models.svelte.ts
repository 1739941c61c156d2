// The models as the page knows them: the newest status of each, which of them can be chosen, and where each stands in
// words. Loads are asked for here; how they go comes in on the live line.
import { keep, kept } from '../../app/kept';
import { record } from '../../app/ring';
import { client } from '../../api/client';
import type { ModelPhase, ModelStatus, Tier } from '../../api/contract';
import { Problem } from '../../api/problem';
import { bytes, left } from '../../components/amounts';
import { say, type Sentence } from '../../messages';

/** Something that a message can be addressed to. */
export interface Choice {
  /** What the server is asked for: "quick", "cloud-b/big-model". */
  value: string;
  name: string;
  status: ModelStatus | undefined;
}

export type Engine = 'absent' | 'downloading' | 'warming' | 'ready' | 'unloading' | 'failed';

class Models {
  list = $state.raw<ModelStatus[]>([]);
  known = $state(false);
  /** When the progress of a model last moved, by id: for "no progress for 20 s". */
  moved = $state.raw<Record<string, number>>({});
  /** When a model entered its phase, by id: for the clock of each step. */
  entered = $state.raw<Record<string, Partial<Record<ModelPhase, number>>>>({});
  /** What went wrong with the last request for a model, by id. */
  trouble = $state.raw<Record<string, string>>({});
  readonly #heard = new Map<string, number>();
  #chosen = $state(kept('model') || 'quick');

  here = $derived(this.list.filter((model) => model.info.place === 'this_machine'));
  remote = $derived(this.list.filter((model) => model.info.place === 'remote'));
  choices = $derived([...TIERS.map((tier) => this.#tierChoice(tier)), ...this.remote.map(remoteChoice)]);

  /** Until the list is known, what was chosen before stands: a message sent in the first moment must not go elsewhere. */
  get chosen(): Choice {
    const listed = this.choices.find((choice) => choice.value === this.#chosen);
    return listed ?? (this.known ? this.choices[0]! : this.called(this.#chosen));
  }

  choose(value: string): void {
    this.#chosen = value;
    keep('model', value);
  }

  /** The choice with this value; a model that is not listed is called by its id. */
  called(value: string): Choice {
    return this.choices.find((choice) => choice.value === value) ?? this.#byId(value);
  }

  /** The best other choice that can answer now, or soon; the ready ones first. */
  other(value: string): Choice | undefined {
    const others = this.choices.filter((choice) => choice.value !== value && choice.status);
    return others.find((choice) => isReady(choice.status)) ?? others.find((choice) => isLoadable(choice.status));
  }

  /** The newest status of a model, as the live line tells it. */
  heard(model: ModelStatus): void {
    this.#heard.set(keyOf(model), (this.#heard.get(keyOf(model)) ?? 0) + 1);
    this.#take(model);
  }

  /**
   * Begins a request: what it answers counts only for models of which the live line said nothing meanwhile, because
   * an answer may be older than what was said while it was on its way.
   */
  asking(): (answer: ModelStatus[]) => void {
    const before = new Map(this.#heard);
    return (answer) => {
      for (const model of answer) if (before.get(keyOf(model)) === this.#heard.get(keyOf(model))) this.#take(model);
    };
  }

  #take(model: ModelStatus): void {
    const before = this.list.find((known) => keyOf(known) === keyOf(model));
    if (before?.phase !== model.phase) this.#enter(model, before?.phase);
    if (before?.progress?.percent !== model.progress?.percent) this.moved = { ...this.moved, [model.info.id]: Date.now() };
    this.list = before ? this.list.map((known) => (known === before ? model : known)) : [...this.list, model];
  }

  /** The whole list, in the server's order. */
  listed(models: ModelStatus[]): void {
    const keys = models.map(keyOf);
    this.list = this.list.filter((model) => keys.includes(keyOf(model))).sort((a, b) => keys.indexOf(keyOf(a)) - keys.indexOf(keyOf(b)));
    this.known = true;
  }

  /** On the first view of the page: Quick is made ready, unless somebody said not to. */
  loadAtFirstView(): void {
    const quick = this.choices[0]?.status;
    if (quick?.phase === 'idle' && !quick.error && quick.info.place === 'this_machine' && !kept('load-cancelled'))
      void this.load(quick.info.id);
  }

  load(id: string): Promise<void> {
    keep('load-cancelled', null);
    return this.#ask(id, client.load);
  }

  cancel(id: string): Promise<void> {
    keep('load-cancelled', 'yes');
    return this.#ask(id, client.cancelLoad);
  }

  unload(id: string): Promise<void> {
    return this.#ask(id, client.unload);
  }

  remove(id: string): Promise<void> {
    return this.#ask(id, client.removeModel);
  }

  async #ask(id: string, door: (id: string) => Promise<ModelStatus>): Promise<void> {
    this.trouble = { ...this.trouble, [id]: '' };
    const answered = this.asking();
    try {
      answered([await door(id)]);
    } catch (error) {
      const why = error instanceof Problem ? [error.detail, error.suggestion].filter(Boolean).join(' ') : String(error);
      this.trouble = { ...this.trouble, [id]: why };
    }
  }

  #enter(model: ModelStatus, from: ModelPhase | undefined): void {
    const id = model.info.id;
    record({ what: 'engine', id, from: from ?? 'unknown', to: model.phase });
    const fresh = model.phase === 'downloading' || model.phase === 'idle';
    this.entered = { ...this.entered, [id]: { ...(fresh ? {} : this.entered[id]), [model.phase]: Date.now() } };
    this.moved = { ...this.moved, [id]: Date.now() };
  }

  #tierChoice(tier: Tier): Choice {
    const status = this.here.find((model) => model.info.tier === tier);
    return { value: tier, name: status?.info.name ?? TIER_NAMES[tier], status };
  }

  #byId(value: string): Choice {
    const status = this.list.find((model) => keyOf(model) === value);
    return { value, name: status?.info.name ?? value, status };
  }
}

/** What `data-engine` says of a model. */
export function engineOf(status: ModelStatus | undefined): Engine {
  return status ? ENGINE[status.phase] : 'absent';
}

export function isReady(status: ModelStatus | undefined): boolean {
  return status !== undefined && (status.info.place === 'remote' ? !status.resting_seconds : status.phase === 'ready');
}

/** Something is under way that has a percentage. */
export function isLoading(status: ModelStatus | undefined): boolean {
  return status !== undefined && ['downloading', 'verifying', 'loading', 'warming_up'].includes(status.phase);
}

export function percentOf(status: ModelStatus | undefined): number {
  if (isReady(status)) return 100;
  return Math.min(99, Math.floor(status?.progress?.percent ?? 0));
}

export function timeLeft(status: ModelStatus | undefined): string {
  const seconds = status?.progress?.seconds_left;
  return seconds === null || seconds === undefined ? '' : left(seconds);
}

/** Where a model stands, in the few words that fit under its name. */
export function standing(status: ModelStatus | undefined): Sentence {
  if (!status) return say('tier.unknown');
  if (status.resting_seconds) return say('tier.resting', { seconds: Math.ceil(status.resting_seconds) });
  if (status.info.place === 'remote') return say('tier.remote');
  if (status.phase === 'ready') return say('tier.ready');
  if (status.phase === 'unloading') return say('tier.unloading');
  if (isLoading(status)) return say('tier.percent', { percent: percentOf(status) });
  if (status.does_not_fit) return say('tier.no_fit');
  if (status.phase === 'failed') return say('tier.failed');
  if (status.on_disk || status.info.size_bytes === null) return say('tier.on_disk');
  return say('tier.download', { size: bytes(status.info.size_bytes) });
}

const TIERS: readonly Tier[] = ['quick', 'smart', 'genius'];
const TIER_NAMES: Record<Tier, string> = { quick: 'Quick', smart: 'Smart', genius: 'Genius' };

const ENGINE: Record<ModelPhase, Engine> = {
  idle: 'absent',
  downloading: 'downloading',
  verifying: 'downloading',
  loading: 'warming',
  warming_up: 'warming',
  ready: 'ready',
  unloading: 'unloading',
  failed: 'failed',
};

function isLoadable(status: ModelStatus | undefined): boolean {
  return status !== undefined && !status.does_not_fit && !status.resting_seconds && status.on_disk && status.phase !== 'failed';
}

function remoteChoice(status: ModelStatus): Choice {
  return { value: keyOf(status), name: status.info.name, status };
}

/** One name per model: two servers may call theirs the same. It is also how a server's model is asked for. */
function keyOf({ info: { upstream, id } }: ModelStatus): string {
  return upstream && !id.startsWith(`${upstream}/`) ? `${upstream}/${id}` : id;
}

export const models = new Models();
