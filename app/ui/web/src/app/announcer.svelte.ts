// What a screen reader hears: transitions only, at most one polite sentence in two seconds, never a word of an answer.
// The two regions are in the page from the start; here is only what they say.
import type { Sentence } from '../messages';

class Announcer {
  polite = $state('');
  alert = $state('');
  #next: Sentence | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = -Infinity;

  /** Said soon; a newer sentence replaces one that is still waiting. */
  say(sentence: Sentence): void {
    this.#next = sentence;
    this.#timer ??= setTimeout(() => this.#speak(), Math.max(0, this.#last + PAUSE_MS - performance.now()));
  }

  /** Said at once: a failure that needs a decision. */
  warn(words: string): void {
    this.alert = this.alert === words ? `${words} ` : words;
  }

  #speak(): void {
    this.#timer = undefined;
    this.#last = performance.now();
    const words = this.#next?.text ?? '';
    this.polite = this.polite === words ? `${words} ` : words;
  }
}

const PAUSE_MS = 2_000;

export const announcer = new Announcer();
