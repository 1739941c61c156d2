// The page's one live line (`GET /api/events`): who is speaking, which models and conversations changed. A browser opens
// few connections to one server, so the tabs share one line: the tab that holds the lock listens and tells the others.
import type { Live } from './contract';
import { Line } from './line';

export interface LiveListener {
  heard: (entry: Live) => void;
  lost: (tries: number) => void;
}

/** What tabs tell each other. Who joins is greeted by whoever listens. */
type Word = { kind: 'joined' } | { kind: 'heard'; entry: Live } | { kind: 'lost'; tries: number };

export function openLive(listener: LiveListener): void {
  if ('locks' in navigator && 'BroadcastChannel' in globalThis) shareLine(listener);
  else listen(listener);
}

function shareLine(listener: LiveListener): void {
  const tabs = new BroadcastChannel('steadfast:live');
  tabs.addEventListener('message', ({ data: word }: MessageEvent<Word>) => {
    if (word.kind === 'heard') listener.heard(word.entry);
    if (word.kind === 'lost') listener.lost(word.tries);
  });
  tabs.postMessage({ kind: 'joined' } satisfies Word);
  void navigator.locks.request('steadfast:live', () => lead(tabs, listener));
}

/** Listens for all tabs, for as long as this one lives. */
function lead(tabs: BroadcastChannel, listener: LiveListener): Promise<never> {
  let greeting: Live | undefined;
  const tell = (word: Word) => tabs.postMessage(word);
  tabs.addEventListener('message', ({ data: word }: MessageEvent<Word>) => {
    if (word.kind === 'joined' && greeting) tell({ kind: 'heard', entry: greeting });
  });
  listen({
    heard: (entry) => {
      if (entry.type === 'hello') greeting = entry;
      tell({ kind: 'heard', entry });
      listener.heard(entry);
    },
    lost: (tries) => {
      greeting = undefined;
      tell({ kind: 'lost', tries });
      listener.lost(tries);
    },
  });
  return new Promise<never>(() => undefined);
}

function listen({ heard, lost }: LiveListener): void {
  new Line({ address: () => '/api/events', event: ({ data }) => heard(JSON.parse(data) as Live), lost });
}
