// Every state of an answer shows its sentence and exactly its buttons; nothing is empty without a word about why.
import { expect, test } from 'vitest';
import type { Failure, RunState, RunView } from '../../api/contract';
import { picture, type Surroundings } from './answer';

const NOW = 1_000_000;

function run(state: RunState, more: Partial<RunView> = {}): RunView {
  const sampling = {
    temperature: null,
    top_p: null,
    top_k: null,
    min_p: null,
    repeat_penalty: null,
    seed: null,
    stop: [],
    max_tokens: null,
  };
  return {
    spec: { id: 'r', conversation_id: 'c', message_id: 'm', version: 1, model: 'smart', sampling, continues: null, created_ms: 0 },
    state,
    seq: 1,
    text: '',
    target: 'cloud-b',
    attempt: 1,
    attempts: 5,
    next_attempt_ms: null,
    queued: null,
    place: null,
    status: null,
    cause: null,
    stop_reason: null,
    finish: null,
    usage: null,
    recoveries: 0,
    dismissed: false,
    started_ms: NOW - 38_000,
    first_text_ms: null,
    ended_ms: NOW,
    ...more,
  };
}

const around = (more: Partial<Surroundings> = {}): Surroundings => ({
  now: NOW,
  quietMs: 0,
  connected: true,
  model: 'Smart',
  other: { value: 'quick', name: 'Quick' },
  chosen: undefined,
  text: '',
  reopened: false,
  ...more,
});

const failure = (code: string, more: Partial<Failure> = {}): Failure => ({ code, message: 'm', retryable: true, suggestion: 's', ...more });

/** The sentences and buttons, as a person reads them. */
function read(view: RunView, more: Partial<Surroundings> = {}) {
  const { note, actions, keel, margin } = picture(view, around({ text: view.text, ...more }));
  const words = [note?.headline, note?.then, note?.small].flatMap((sentence) => (sentence ? [sentence.text] : [])).join(' ');
  return { keel, words, buttons: actions.map((action) => action.label.text), margin: margin.map((sentence) => sentence.text) };
}

test('a first attempt says who is asked', () => {
  expect(read(run('connecting'))).toEqual({ keel: 'breathing', words: 'Asking cloud-b.', buttons: [], margin: [] });
});

test('a first attempt that stays silent can be given to another model', () => {
  expect(read(run('connecting'), { quietMs: 12_000 })).toMatchObject({
    words: 'Quiet for 12 s. Still connected.',
    buttons: ['Answer with Quick', 'Stop'],
  });
});

test('the wait before the next attempt counts down from its time', () => {
  const view = run('connecting', { attempt: 2, next_attempt_ms: NOW + 1_200, cause: failure('OVERLOADED') });
  expect(read(view)).toEqual({
    keel: 'dashes',
    words: 'cloud-b is overloaded. Trying again, 2 of 5, in 1.2 s. Your question is saved.',
    buttons: ['Try now', 'Answer with Quick', 'Stop'],
    margin: [],
  });
  expect(read(view, { now: NOW + 1_300 })).toMatchObject({
    words: 'cloud-b is overloaded. Asking cloud-b, try 2 of 5. Your question is saved.',
    buttons: ['Answer with Quick', 'Stop'],
  });
});

test('reading the prompt is said with how far it is', () => {
  expect(read(run('connecting', { status: { kind: 'reading', done: 40, total: 100 } })).words).toBe('Reading your words, 40 %.');
  expect(read(run('connecting', { status: { kind: 'reading', done: 0, total: 0 } })).words).toBe('Reading your words.');
});

test('a stream is text and nothing else, until it is quiet for ten seconds', () => {
  const view = run('streaming', { text: 'Some words' });
  expect(read(view, { quietMs: 9_000 })).toEqual({ keel: 'breathing', words: '', buttons: [], margin: [] });
  expect(read(view, { quietMs: 12_000 })).toEqual({
    keel: 'still',
    words: 'Quiet for 12 s. Still connected.',
    buttons: ['Try again', 'Stop'],
    margin: [],
  });
  expect(read(view, { quietMs: 12_000, connected: false }).words).toBe('Quiet for 12 s. Reconnecting to steadfast.');
});

test('another model that was chosen meanwhile may finish the answer', () => {
  expect(read(run('streaming', { text: 'a' }), { chosen: { value: 'genius', name: 'Genius' } }).buttons).toEqual([
    'Finish this with Genius',
  ]);
});

test('a broken stream is picked up, and its words are safe', () => {
  const view = run('recovering', { text: 'one two three', attempt: 2, next_attempt_ms: NOW + 1_400, cause: failure('STREAM_CUT') });
  expect(read(view)).toEqual({
    keel: 'dashes',
    words:
      'The line to cloud-b dropped mid-sentence. Picking up where it stopped, try 2 of 5 in 1.4 s. Your question and these 3 words are saved.',
    buttons: ['Finish with Quick', 'Try now', 'Stop here'],
    margin: [],
  });
});

test('an interrupted answer can be continued, started over, or kept', () => {
  const view = run('interrupted', { text: 'The hull is', cause: failure('INTERRUPTED') });
  expect(read(view)).toEqual({
    keel: 'gap',
    words: 'The server restarted here. Nothing was lost; this is everything that had arrived.',
    buttons: ['Continue', 'Start over', 'Keep as is'],
    margin: ['interrupted'],
  });
  expect(read({ ...view, dismissed: true })).toMatchObject({ words: '', buttons: ['Copy', 'Start over'] });
});

test.each([
  ['user_stop', 'stopped by you'],
  ['route_change', 'stopped when you left'],
  ['model_switch', 'stopped for the switch'],
  ['shutdown', 'stopped, server shutting down'],
  ['superseded', 'stopped for the next message'],
  ['deadline', 'stopped'],
])('an answer stopped with %s says "%s"', (stop_reason, words) => {
  expect(read(run('stopped', { text: 'a', stop_reason }))).toMatchObject({
    keel: 'foot',
    margin: [words],
    buttons: ['Continue', 'Start over'],
  });
});

test('a failure that trying again may mend offers that first', () => {
  expect(read(run('failed', { attempt: 5, cause: failure('OVERLOADED') }))).toEqual({
    keel: 'hatch',
    words: 'cloud-b is overloaded. It may work again in a moment. 5 tries over 38 s.',
    buttons: ['Try again', 'Answer with Quick', 'Dismiss'],
    margin: ['not answered'],
  });
});

test('a failure that trying again cannot mend does not offer it', () => {
  const view = run('failed', { cause: failure('UNAUTHORIZED', { retryable: false }) });
  expect(read(view)).toMatchObject({
    words: 'cloud-b will not accept our key. Trying again would not help until the key is replaced. One try.',
    buttons: ['Answer with Quick', 'Open servers', 'Dismiss'],
  });
  expect(read(view, { other: undefined }).buttons).toEqual(['Open servers', 'Dismiss']);
  expect(picture(view, around())).toMatchObject({ errorClass: 'auth.key', retryable: false });
});

test('a dismissed failure is one line, and can be shown again', () => {
  const view = run('failed', { dismissed: true, cause: failure('OVERLOADED') });
  expect(picture(view, around())).toMatchObject({ collapsed: true, actions: [{ kind: 'show' }] });
  expect(read(view, { reopened: true }).buttons).toEqual(['Try again', 'Answer with Quick']);
});

test('a lost connection after the first words is a cut line', () => {
  const view = run('recovering', { text: 'a', attempt: 2, cause: failure('CONNECTION_LOST') });
  expect(picture(view, around({ text: 'a' })).errorClass).toBe('stream.cut');
});

test('a finished answer says how long it took and whether it was mended', () => {
  expect(read(run('done', { text: 'Yes.', recoveries: 2, finish: 'length' }))).toEqual({
    keel: 'line',
    words: '',
    buttons: ['Copy', 'Try again'],
    margin: ['38 s', 'recovered, 2 retries', 'ended at the length limit'],
  });
});

const STATES: RunState[] = ['queued', 'connecting', 'streaming', 'recovering', 'done', 'stopped', 'interrupted', 'failed'];

test.each(STATES.filter((state) => state !== 'streaming'))('an answer without text that is %s says something', (state) => {
  expect(
    read(run(state, { cause: state === 'failed' || state === 'interrupted' || state === 'recovering' ? failure('INTERNAL') : null })).words,
  ).not.toBe('');
  expect(read(run(state, { dismissed: true })).words).not.toBe('');
});

test.each(STATES)('a shape of the keel belongs to %s, and no shape to two settled states', (state) => {
  const settled = (['done', 'stopped', 'interrupted', 'failed'] as const).map((other) => picture(run(other, { text: 'a' }), around()).keel);
  expect(new Set(settled).size).toBe(4);
  expect(picture(run(state), around()).keel).not.toBe('none');
});
