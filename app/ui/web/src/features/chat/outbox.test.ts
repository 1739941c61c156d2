// The outbox over a real (in-memory) IndexedDB: nothing is lost, nothing is sent twice by two tabs, order is kept.
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, expect, test } from 'vitest';
import { Problem } from '../../api/problem';
import { Outbox, type OutboxEnds } from './outbox';
import { IndexedDbOutbox, type OutboxItem } from './outbox-store';

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

let clock = 0;
const item = (id: string): OutboxItem => ({ id, conversation: 'c', text: `text of ${id}`, model: 'quick', createdMs: ++clock });
const refusal = new Problem(400, 'VALIDATION', 'Too long.', false, undefined, 'Shorten it.', 'r');

/** A server that does as it is told, and an outbox that talks to it. */
function stage(answers: Array<'ok' | 'lost' | 'lost after arrival' | 'refused'> = [], store = new IndexedDbOutbox()) {
  const arrived: string[] = [];
  const received: string[] = [];
  const takenBack: string[] = [];
  const pauses: number[] = [];
  const hooks = { beforeAnswer: async () => {} };
  const ends: OutboxEnds<string> = {
    send: async (message) => {
      const answer = answers.shift() ?? 'ok';
      if (answer === 'lost') throw Problem.linkLost();
      arrived.push(message.id);
      await hooks.beforeAnswer();
      if (answer === 'lost after arrival') throw Problem.linkLost();
      if (answer === 'refused') throw refusal;
      return `receipt ${message.id}`;
    },
    received: (message) => received.push(message.id),
    takenBack: async (message) => takenBack.push(message.id),
    changed: () => {},
    alone: oneAtATime,
    pause: async (ms) => void pauses.push(ms),
  };
  return { outbox: new Outbox(store, ends), arrived, received, takenBack, pauses, hooks };
}

let last: Promise<void> = Promise.resolve();
function oneAtATime(work: () => Promise<void>): Promise<void> {
  last = last.then(work);
  return last;
}

test('a message is on the device before its first byte leaves', async () => {
  const { outbox, hooks } = stage();
  let storedAtSending: OutboxItem[] = [];
  hooks.beforeAnswer = async () => {
    storedAtSending = await new IndexedDbOutbox().all();
  };
  await outbox.add(item('a'));
  await outbox.pump();
  expect(storedAtSending.map((stored) => stored.id)).toEqual(['a']);
});

test('after the receipt the device forgets it', async () => {
  const { outbox, received } = stage();
  await outbox.add(item('a'));
  await outbox.pump();
  expect(received).toEqual(['a']);
  expect(await new IndexedDbOutbox().all()).toEqual([]);
});

test('it is sent again with the same id until there is a receipt', async () => {
  const { outbox, arrived, received, pauses } = stage(['lost', 'lost after arrival', 'ok']);
  await outbox.add(item('a'));
  await outbox.pump();
  expect(arrived).toEqual(['a', 'a']);
  expect(received).toEqual(['a']);
  expect(pauses).toEqual([500, 1000]);
});

test('messages are sent in the order in which they were written', async () => {
  const { outbox, received } = stage(['lost', 'lost']);
  await Promise.all([outbox.add(item('a')), outbox.add(item('b')), outbox.add(item('c'))]);
  await outbox.pump();
  expect(received).toEqual(['a', 'b', 'c']);
});

test('a message survives a reload', async () => {
  const store = new IndexedDbOutbox();
  await store.put(item('a'));
  const afterwards = stage();
  await afterwards.outbox.pump();
  expect(afterwards.received).toEqual(['a']);
});

test('two tabs do not send the same message twice', async () => {
  const [one, two] = [stage(), stage()];
  await new IndexedDbOutbox().put(item('a'));
  await Promise.all([one.outbox.pump(), two.outbox.pump()]);
  expect([...one.arrived, ...two.arrived]).toEqual(['a']);
});

test('a refused message stays with its reason, and the next ones go on', async () => {
  const { outbox, received } = stage(['refused']);
  await outbox.add(item('a'));
  await outbox.add(item('b'));
  await outbox.pump();
  expect(received).toEqual(['b']);
  expect(outbox.items).toMatchObject([{ id: 'a', refused: { code: 'VALIDATION', message: 'Too long.' } }]);
});

test('a refused message can be offered again', async () => {
  const { outbox, received } = stage(['refused', 'ok']);
  await outbox.add(item('a'));
  await outbox.pump();
  await outbox.retry('a');
  await outbox.pump();
  expect(received).toEqual(['a']);
});

test('a message taken back before it left is never sent', async () => {
  const store = new IndexedDbOutbox();
  await store.put(item('a'));
  const { outbox, arrived } = stage([], store);
  await outbox.refresh();
  expect(await outbox.takeBack('a')).toMatchObject({ text: 'text of a' });
  await outbox.pump();
  expect(arrived).toEqual([]);
});

test('a message taken back on its way is withdrawn at the server', async () => {
  const { outbox, received, takenBack, hooks } = stage();
  hooks.beforeAnswer = async () => void (await outbox.takeBack('a'));
  await outbox.add(item('a'));
  await outbox.pump();
  await last;
  expect(takenBack).toEqual(['a']);
  expect(received).toEqual([]);
});

test('a browser that cannot keep it says so before anything is sent', async () => {
  const { outbox, arrived } = stage([], Object.assign(new IndexedDbOutbox(), { put: () => Promise.reject(new Error('no room')) }));
  await expect(outbox.add(item('a'))).rejects.toThrow('no room');
  expect(arrived).toEqual([]);
});
