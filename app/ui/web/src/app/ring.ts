// The last 500 changes of state, for tests and for questions of the kind "what happened here?". It never holds text.

export interface Transition {
  at: number;
  what: 'run' | 'message' | 'link' | 'engine' | 'store' | 'progress';
  id: string;
  from: string;
  to: string;
  attempt?: number;
}

declare global {
  interface Window {
    __steadfast?: { events: Transition[] };
  }
}

const LENGTH = 500;
const events: Transition[] = [];

export function record(transition: Omit<Transition, 'at'>): void {
  events.push({ at: Date.now(), ...transition });
  if (events.length > LENGTH) events.shift();
}

export function exposeRing(): void {
  window.__steadfast = { events };
}
