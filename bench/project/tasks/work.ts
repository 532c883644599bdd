interface Row {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly bounds: readonly number[];
  readonly valid: boolean;
  readonly source: string;
  readonly tags: readonly string[];
}

const ROWS: readonly Row[] = Array.from({ length: 100 }, (_, k) => ({
  id: k,
  name: `feature-${k}`,
  kind: 'tile',
  bounds: [k, k + 1, k + 2, k + 3],
  valid: true,
  source: 'bench',
  tags: ['a', 'b'],
}));

export function noop(i: number): number {
  return i;
}

/** A no-op, but one in a thousand fails. */
export function someFail(i: number): number {
  if (i % 1000 === 999)
    throw new RangeError(`bad ${'abcdefghijklmnopqrst'[Math.floor(i / 1000) % 20]}: ${i}`);
  return i;
}

/** About 10 kB of JSON. */
export function big(i: number): { i: number; rows: readonly Row[] } {
  return { i, rows: ROWS };
}

/** Keeps a core busy for 1 ms. */
export function cpu(i: number): number {
  const end = performance.now() + 1;
  while (performance.now() < end);
  return i;
}
