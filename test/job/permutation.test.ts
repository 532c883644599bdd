import { describe, expect, test } from 'vitest';
import { permutation } from '../../src/store/permutation.js';

const orderOf = (n: number, key: string): number[] => {
  const at = permutation(n, key);
  return Array.from({ length: n }, (_, place) => at(place));
};

describe('a random order', () => {
  test.for([1, 2, 3, 5, 16, 17, 1000, 4097, 65_536])('of %i numbers holds each of them once', (n) => {
    const order = orderOf(n, 'some key');
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
  });

  test('is the same for the same key, and another for another', () => {
    expect(orderOf(1000, 'a')).toEqual(orderOf(1000, 'a'));
    expect(orderOf(1000, 'a')).not.toEqual(orderOf(1000, 'b'));
  });

  test('leaves hardly a number next to the one that it stood beside', () => {
    const order = orderOf(10_000, 'key');
    const neighbours = order.filter((task, place) => Math.abs(task - (order[place - 1] ?? -9)) === 1);
    expect(neighbours.length).toBeLessThan(20);
  });

  test('reaches all of a large range', () => {
    const n = 3_000_000_000;
    const at = permutation(n, 'key');
    const seen = Array.from({ length: 1000 }, (_, place) => at(place));
    expect(seen.every((task) => Number.isInteger(task) && task >= 0 && task < n)).toBe(true);
    expect(seen.some((task) => task > n / 2)).toBe(true);
  });
});
