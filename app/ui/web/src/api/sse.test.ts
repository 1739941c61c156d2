// The splitter: any cut of the text gives the same events.
import { expect, test } from 'vitest';
import { SseSplitter, type SseItem } from './sse';

const STREAM =
  ': hello\r\nid: 1\ndata: {"a":1}\n\nid: 2\rdata: one\rdata: two\r\r: alive\n\ndata:no space\n\nevent: x\n\nid: 9\ndata: cut off';
const EXPECTED: SseItem[] = [
  'heartbeat',
  { id: '1', data: '{"a":1}' },
  { id: '2', data: 'one\ntwo' },
  'heartbeat',
  { id: '2', data: 'no space' },
];

test('reads events, comments and all three line ends', () => {
  expect(new SseSplitter().push(STREAM)).toEqual(EXPECTED);
});

test('any cut gives the same events', () => {
  for (let first = 0; first < STREAM.length; first += 1) {
    for (let second = first; second < STREAM.length; second += 7) {
      const splitter = new SseSplitter();
      const pieces = [STREAM.slice(0, first), STREAM.slice(first, second), STREAM.slice(second)];
      expect(pieces.flatMap((piece) => splitter.push(piece))).toEqual(EXPECTED);
    }
  }
});
