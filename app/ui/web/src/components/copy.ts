// The clipboard, also where the browser gives no access to it (plain-http addresses).
import { announcer } from '../app/announcer.svelte';
import { say } from '../messages';

/** Says whether it worked, to the eye by its answer and to the ear by itself. */
export async function copy(words: string): Promise<boolean> {
  const done = navigator.clipboard
    ? await navigator.clipboard.writeText(words).then(
        () => true,
        () => fallback(words),
      )
    : fallback(words);
  if (done) announcer.say(say('say.copied'));
  return done;
}

function fallback(words: string): boolean {
  const field = document.createElement('textarea');
  field.value = words;
  field.className = 'unseen';
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  return done;
}
