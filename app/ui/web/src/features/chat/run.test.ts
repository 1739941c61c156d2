// The page's fold against the fixtures that Rust wrote, and the rule that text only grows.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunEvent, RunView } from '../../api/contract';
import { fold, reconcile, shownText } from './run';

const folder = join(import.meta.dirname, '../../../../../contract/fixtures/runs');
const fixtures = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Fixture);

interface Fixture {
  about: string;
  spec: RunView['spec'];
  events: RunEvent[];
  view: RunView;
}

function fresh(spec: RunView['spec']): RunView {
  return {
    spec,
    state: 'queued',
    seq: 0,
    text: '',
    target: null,
    attempt: 0,
    attempts: 0,
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
    started_ms: null,
    first_text_ms: null,
    ended_ms: null,
  };
}

function folded(spec: RunView['spec'], events: RunEvent[]): RunView {
  const view = fresh(spec);
  for (const event of events) fold(view, event);
  return view;
}

describe('folding', () => {
  test.each(fixtures)('$about', ({ spec, events, view }) => {
    expect(folded(spec, events)).toEqual(view);
  });

  test.each(fixtures)('a replay from any point changes nothing: $about', ({ spec, events, view }) => {
    const again = folded(spec, events);
    for (const event of events) expect(fold(again, event)).toBe('known');
    expect(again).toEqual(view);
  });

  test.each(fixtures)('text only grows: $about', ({ spec, events }) => {
    const view = fresh(spec);
    let before = '';
    for (const event of events) {
      fold(view, event);
      expect(view.text.startsWith(before)).toBe(true);
      before = view.text;
    }
  });

  test('an event beyond a hole is not folded', () => {
    const { spec, events } = fixtures.find((fixture) => fixture.events.length > 3)!;
    const view = fresh(spec);
    fold(view, events[0]!);
    const before = structuredClone(view);
    expect(
      fold(
        view,
        events.find((event) => event.seq === 3)!,
      ),
    ).toBe('gap');
    expect(view).toEqual(before);
  });
});

describe('joining with what the server stored', () => {
  const spec = fixtures[0]!.spec;
  const at = (seq: number, text: string, state: RunView['state'] = 'streaming'): RunView => ({ ...fresh(spec), seq, text, state });

  test('an older reading does not take back what is shown', () => {
    expect(reconcile(at(5, 'one two'), at(4, 'one'), false).text).toBe('one two');
  });

  test('a farther reading wins', () => {
    expect(reconcile(at(4, 'one'), at(6, 'one two three', 'done'), false)).toMatchObject({ text: 'one two three', state: 'done' });
  });

  test('after a restart the state is the server’s and the longer text stays', () => {
    expect(reconcile(at(9, 'one two three'), at(7, 'one two', 'interrupted'), true)).toMatchObject({
      text: 'one two three',
      state: 'interrupted',
      seq: 7,
    });
  });

  test('a text that goes another way is the server’s', () => {
    expect(reconcile(at(9, 'one 2 three'), at(7, 'one two', 'interrupted'), true).text).toBe('one two');
  });
});

describe('a continuation', () => {
  const spec = fixtures[0]!.spec;
  const base = { ...fresh({ ...spec, id: 'a' }), text: 'The hull is' };
  const next = (text: string) => ({ ...fresh({ ...spec, id: 'b', continues: 'a' }), text });

  test('shows what it continues until it has caught up', () => {
    expect(shownText(next(''), [base, next('')])).toBe('The hull is');
    expect(shownText(next('The hull'), [base])).toBe('The hull is');
    expect(shownText(next('The hull is sound'), [base])).toBe('The hull is sound');
  });

  test('that names itself does not end in a circle', () => {
    const odd = { ...fresh({ ...spec, id: 'a', continues: 'a' }), text: 'x' };
    expect(shownText(odd, [odd])).toBe('x');
  });
});
