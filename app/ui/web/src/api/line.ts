// A line to the server that is reopened for ever: the shared half of the live line and of a run's line.
// It waits longer after each failure, at most five seconds, and not at all when the browser says that things changed
// (online again, tab in view again). A line that stays silent for too long counts as cut.
import { readEvents, type SseEvent } from './sse';

export interface LineTo {
  /** Where to ask next; called anew before each opening, so that a cursor can move. */
  address: () => string;
  event: (event: SseEvent) => void;
  /** Bytes came, whatever they said. */
  alive?: () => void;
  /** The line is down; `tries` openings failed since it last worked. */
  lost?: (tries: number) => void;
  /** The server closed the line without a fault: was that everything? Without an answer it counts as a cut. */
  ended?: () => boolean;
}

export class Line {
  readonly #to: LineTo;
  #closed = false;
  #abort = new AbortController();
  #wake: () => void = () => undefined;
  #lastByte = 0;
  #hurried = false;

  constructor(to: LineTo) {
    this.#to = to;
    for (const [target, name] of WAKERS) target().addEventListener(name, this.#hurry);
    void this.#keepOpen();
  }

  close(): void {
    this.#closed = true;
    for (const [target, name] of WAKERS) target().removeEventListener(name, this.#hurry);
    this.#abort.abort();
    this.#wake();
  }

  /** Cuts the line and opens it again from the cursor. */
  reopen(): void {
    this.#abort.abort();
    this.#wake();
  }

  readonly #hurry = (event: Event): void => {
    if (document.visibilityState === 'hidden') return;
    // "Offline" may be true of the internet and not of this server: a new line shows which.
    if (event.type === 'offline' || performance.now() - this.#lastByte > SILENCE_MS) this.#abort.abort();
    this.#hurried = true;
    this.#wake();
  };

  async #keepOpen(): Promise<void> {
    let tries = 0;
    while (!this.#closed) {
      const outcome = await this.#open(() => (tries = 0));
      if (this.#closed) return;
      if (outcome === 'ended' && this.#to.ended?.()) return this.close();
      tries += 1;
      this.#to.lost?.(tries);
      await this.#pause(Math.min(250 * 2 ** (tries - 1), 5_000) * (0.75 + Math.random() / 4));
    }
  }

  async #open(works: () => void): Promise<'ended' | 'cut'> {
    this.#abort = new AbortController();
    const guard = setInterval(() => {
      if (performance.now() - this.#lastByte > SILENCE_MS) this.#abort.abort();
    }, 500);
    this.#lastByte = performance.now();
    this.#hurried = false;
    try {
      const response = await fetch(this.#to.address(), {
        headers: { accept: 'text/event-stream' },
        signal: this.#abort.signal,
        cache: 'no-store',
      });
      if (response.status === 204) return 'ended';
      if (!response.ok || !response.body) return 'cut';
      for await (const item of readEvents(response.body)) {
        works();
        this.#lastByte = performance.now();
        this.#to.alive?.();
        if (item !== 'heartbeat') this.#to.event(item);
      }
      return 'ended';
    } catch {
      return 'cut';
    } finally {
      clearInterval(guard);
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#hurried) ms = 0;
    this.#hurried = false;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The server's heartbeat comes every five seconds; a little more than one of them may be late. */
const SILENCE_MS = 6_000;

const WAKERS: ReadonlyArray<readonly [() => EventTarget, string]> = [
  [() => window, 'online'],
  [() => window, 'offline'],
  [() => window, 'pageshow'],
  [() => document, 'visibilitychange'],
];
