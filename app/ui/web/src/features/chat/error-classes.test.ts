// Every code that the server can say has a row, and every row keeps the promises of its class.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Failure } from '../../api/contract';
import { headline, kindOf, KNOWN_CODES } from './error-classes';

const codes = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../../contract/fixtures/codes.json'), 'utf8')) as string[];
const failure = (code: string, more: Partial<Failure> = {}): Failure => ({ code, message: 'm', retryable: true, suggestion: 's', ...more });

test.each(codes)('%s has a row', (code) => {
  expect(KNOWN_CODES).toContain(code);
});

test('there is no row for a code that the server does not have', () => {
  expect(KNOWN_CODES.filter((code) => !codes.includes(code))).toEqual(['LINK_LOST']);
});

test('nothing that a person has to mend first offers to try again', () => {
  for (const code of ['UNAUTHORIZED', 'FORBIDDEN', 'CONTEXT_TOO_LONG', 'UNSUPPORTED_INPUT', 'VALIDATION', 'NOT_FOUND']) {
    expect(kindOf(failure(code))).toMatchObject({ tryAgain: 'never' });
    expect(kindOf(failure(code)).fix).toBeDefined();
  }
});

test('a code of a newer server is a fault inside, and its own advice counts', () => {
  expect(kindOf(failure('BRAND_NEW', { retryable: false }))).toMatchObject({ class: 'internal', tryAgain: 'never' });
  expect(kindOf(failure('BRAND_NEW', { retryable: true }))).toMatchObject({ class: 'internal', tryAgain: 'offered' });
});

test('a headline names who it was and how long they asked us to wait', () => {
  expect(headline(failure('RATE_LIMITED', { retry_after: 7 }), 'Genius', 'cloud-b')).toEqual({
    key: 'err.upstream.rate',
    text: 'cloud-b asked us to wait 7 s.',
  });
  expect(headline(failure('UNAUTHORIZED'), 'Genius', 'cloud-b').text).toBe('cloud-b will not accept our key.');
});

test.each(codes)('the headline of %s is a short plain sentence without blame', (code) => {
  const { text } = headline(failure(code), 'Genius', 'cloud-b');
  expect(text.length).toBeLessThanOrEqual(110);
  expect(text).toMatch(/^[A-Za-z].*\.$/);
  expect(text).not.toMatch(/oops|something went wrong|!|your fault/i);
});
