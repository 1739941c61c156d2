// Time that a component can read: reading `now()` inside a component makes it draw again as time passes, and no timer
// runs while nobody reads. Everything is computed from timestamps, so a tab that slept is right at once when it wakes.
import { createSubscriber } from 'svelte/reactivity';

function every(ms: number): () => void {
  return createSubscriber((update) => {
    const timer = setInterval(update, ms);
    return () => clearInterval(timer);
  });
}

const tenths = every(100);
const seconds = every(1_000);

/** For countdowns. */
export function nowInTenths(): number {
  tenths();
  return Date.now();
}

/** For clocks. */
export function nowInSeconds(): number {
  seconds();
  return Date.now();
}
