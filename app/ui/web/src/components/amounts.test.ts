// Numbers as people read them.
import { expect, test } from 'vitest';
import { asked, bytes, clock, left, took, wait } from './amounts';

test('bytes', () => {
  expect([500, 98_362_432, 1_117_320_736].map(bytes)).toEqual(['1 kB', '98 MB', '1.1 GB']);
});

test('a countdown has tenths at its end and never goes below zero', () => {
  expect([-1, 0.04, 1.44, 9.94, 9.96, 59.6, 89, 91, 400].map(wait)).toEqual([
    '0.0 s',
    '0.0 s',
    '1.4 s',
    '9.9 s',
    '10 s',
    '60 s',
    '89 s',
    '2 min',
    '7 min',
  ]);
});

test('a wait that was asked for is whole', () => {
  expect([2, 29.96, 120].map(asked)).toEqual(['2 s', '30 s', '2 min']);
});

test('time left moves in steps that do not flicker', () => {
  expect([0.2, 7, 8, 33, 57, 58, 61, 150].map(left)).toEqual(['5 s', '5 s', '10 s', '35 s', '55 s', '1 min', '1 min', '3 min']);
});

test('how long something took', () => {
  expect([800, 41_000, 59_400, 59_600, 125_000].map(took)).toEqual(['0.8 s', '41 s', '59 s', '1 min 0 s', '2 min 5 s']);
});

test('a running clock', () => {
  expect([-5, 9_000, 760_000].map(clock)).toEqual(['0:00', '0:09', '12:40']);
});
