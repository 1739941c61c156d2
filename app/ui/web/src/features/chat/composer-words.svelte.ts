// The words in the composer, where other parts can reach them: a message that is taken back returns here.

class ComposerWords {
  words = $state('');
}

export const composer = new ComposerWords();

/** Puts words back in front of what has been written since. */
export function backToComposer(words: string): void {
  if (words === '') return;
  composer.words = composer.words === '' ? words : `${words}\n${composer.words}`;
  document.getElementById('composer')?.focus();
}
