// The one door to the page's sentences: `say(key, parameters)` in the language that is shown. A second language is a
// second file with the same keys; the compiler says which are missing.
import { english } from './messages/english';

export type Catalogue = typeof english;
export type Key = keyof Catalogue;

/** A sentence with the key under which it is found in every language (`data-copy`). */
export interface Sentence {
  readonly key: Key;
  readonly text: string;
}

export function say<K extends Key>(key: K, ...parameters: Parameters<Catalogue[K]>): Sentence {
  const write = english[key] as (...parameters: Parameters<Catalogue[K]>) => string;
  return { key, text: write(...parameters) };
}

/** Only the text, for attributes that cannot carry a key. */
export function text<K extends Key>(key: K, ...parameters: Parameters<Catalogue[K]>): string {
  return say(key, ...parameters).text;
}
