/** Which cpus and how much memory are sold together. */
import { JobError } from '../../base/errors.js';
import { formatSize } from '../../base/sizes.js';

const GB = 1024;

interface Size {
  readonly cpus: number;
  /** MB, ascending. */
  readonly memory: readonly number[];
}

/** Ascending. */
const SOLD: readonly Size[] = [
  { cpus: 0.25, memory: [GB / 2, GB, 2 * GB] },
  { cpus: 0.5, memory: gigabytes(1, 4, 1) },
  { cpus: 1, memory: gigabytes(1, 8, 1) },
  { cpus: 2, memory: gigabytes(4, 16, 1) },
  { cpus: 4, memory: gigabytes(8, 30, 1) },
  { cpus: 8, memory: gigabytes(16, 60, 4) },
  { cpus: 16, memory: gigabytes(32, 120, 8) },
];

const DEFAULT_MEMORY = 2 * GB;

function gigabytes(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => (from + i * step) * GB);
}

/**
 * MB of memory of a job with so many cpus. Throws EARTHONE_UNSUPPORTED for what is not sold.
 *
 * @param memory - MB that were asked for; null: 2 GB, or the least that these cpus come with
 */
export function soldMemory(cpus: number, memory: number | null): number {
  const size = SOLD.find((one) => one.cpus === cpus);
  const [least] = size?.memory ?? [];
  if (memory === null && size !== undefined && least !== undefined) {
    return size.memory.includes(DEFAULT_MEMORY) ? DEFAULT_MEMORY : least;
  }
  if (memory !== null && size?.memory.includes(memory) === true) return memory;
  const asked = memory === null ? numberOf(cpus) : pair(cpus, memory);
  throw new JobError(
    'EARTHONE_UNSUPPORTED',
    `expected cpus and memory that EarthOne sells together, got ${asked}`,
    {
      hint: `Nearest: ${nearestPairs(cpus, memory).join(', ')}. Set \`cpus\` and \`memory\`; fractions of a cpu go into task_kwargs: {cpus: 0.5}.`,
    },
  );
}

/** The smallest size with at least so much of both; null: there is none. */
export function roomFor(
  cpus: number,
  memory: number,
): { readonly cpus: number; readonly memory: number } | null {
  for (const size of SOLD) {
    if (size.cpus < cpus) continue;
    const enough = size.memory.find((mb) => mb >= memory);
    if (enough !== undefined) return { cpus: size.cpus, memory: enough };
  }
  return null;
}

/** Cpus and MB for people. */
export function pair(cpus: number, memory: number): string {
  return `${numberOf(cpus)} with ${formatSize(memory * 1024 * 1024)}`;
}

/** The smallest that has both, then what is next to it with about as many cpus. */
function nearestPairs(cpus: number, memory: number | null): string[] {
  const wanted = memory ?? DEFAULT_MEMORY;
  const pairs = SOLD.flatMap((size) => size.memory.map((mb) => ({ cpus: size.cpus, mb })));
  const room = roomFor(cpus, wanted);
  const enough = pairs.find((one) => one.cpus === room?.cpus && one.mb === room.memory);
  // The factor by which the one and the other differ.
  const away = (one: { cpus: number; mb: number }): number =>
    Math.abs(Math.log(one.cpus / cpus)) * 2 + Math.abs(Math.log(one.mb / wanted));
  const near = [...pairs].sort((a, b) => away(a) - away(b)).filter((one) => one !== enough);
  return [...(enough === undefined ? [] : [enough]), ...near]
    .slice(0, 3)
    .map((one) => pair(one.cpus, one.mb));
}

function numberOf(cpus: number): string {
  return `${cpus} ${cpus === 1 ? 'cpu' : 'cpus'}`;
}
