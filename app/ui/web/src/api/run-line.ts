// Follows one run: replays what was missed, then listens. A hole in the numbers is never skipped: the line is cut and
// opened again at the last event that was folded.
import type { RunEvent } from './contract';
import { Line } from './line';

export interface RunListener {
  /** The number of the last event that is known. */
  seen: () => number;
  /** Says what became of the event; on `gap` it is asked for again. */
  event: (event: RunEvent) => 'new' | 'known' | 'gap';
  alive: () => void;
  /** The server has nothing more to say: has the run ended? */
  ended: () => boolean;
}

export function followRun(run: string, listener: RunListener): Line {
  const line: Line = new Line({
    address: () => `/api/runs/${run}/events?after=${listener.seen()}`,
    event: ({ data }) => {
      if (listener.event(JSON.parse(data) as RunEvent) === 'gap') line.reopen();
    },
    alive: listener.alive,
    ended: listener.ended,
  });
  return line;
}

/** The whole log of a run that has ended, for "What happened". */
export async function readRunLog(run: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  await new Promise<void>((resolve) => {
    const line = new Line({
      address: () => `/api/runs/${run}/events?after=${events.at(-1)?.seq ?? 0}`,
      event: ({ data }) => events.push(JSON.parse(data) as RunEvent),
      lost: (tries) => {
        if (tries < 3) return;
        line.close();
        resolve();
      },
      ended: () => {
        resolve();
        return true;
      },
    });
  });
  return events;
}
