// The page's one live line (`GET /api/events`): who is speaking, which models and conversations changed.
import type { Live } from './contract';
import { Line } from './line';

export interface LiveListener {
  heard: (entry: Live) => void;
  lost: (tries: number) => void;
}

export function openLive(listener: LiveListener): Line {
  return new Line({
    address: () => '/api/events',
    event: ({ data }) => listener.heard(JSON.parse(data) as Live),
    lost: listener.lost,
  });
}
