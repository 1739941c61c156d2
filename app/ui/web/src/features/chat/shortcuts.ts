// Keys for the thread: Alt with an arrow goes from message to message, a letter presses that message's button, and
// Ctrl (or Cmd) with Shift and a number chooses who answers. Letters do nothing while somebody is writing.
import { models } from '../models/models.svelte';

/** Which buttons a letter may press; the first that is there is pressed. */
const LETTERS: Record<string, readonly string[]> = {
  r: ['try_again', 'start_over'],
  e: ['edit'],
  c: ['copy'],
  d: ['details', 'happened'],
};

export function onThreadKey(event: KeyboardEvent): void {
  if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) step(event, event.key === 'ArrowUp' ? -1 : 1);
  else if ((event.ctrlKey || event.metaKey) && event.shiftKey && /^Digit[1-9]$/.test(event.code)) choose(event);
  else if (!event.ctrlKey && !event.metaKey && !event.altKey) press(event);
}

function step(event: KeyboardEvent, by: number): void {
  const messages = [...document.querySelectorAll<HTMLElement>('[role="log"] article')];
  const here = messages.findIndex((message) => message.contains(document.activeElement));
  const next = here < 0 ? messages.at(-1) : messages[here + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function choose(event: KeyboardEvent): void {
  const choice = models.choices[Number(event.code.slice(-1)) - 1];
  if (!choice) return;
  event.preventDefault();
  models.choose(choice.value);
}

function press(event: KeyboardEvent): void {
  const message = document.activeElement;
  if (!(message instanceof HTMLElement) || message.tagName !== 'ARTICLE') return;
  const buttons = (LETTERS[event.key.toLowerCase()] ?? []).map((act) => message.querySelector<HTMLElement>(`[data-act="${act}"]`));
  const button = buttons.find((candidate) => candidate !== null);
  if (!button) return;
  event.preventDefault();
  button.click();
}
