import { describe, expect, it } from 'vitest';
import { formatElapsed, Timer } from '../../src/base/timer.js';
import { cases } from './cases.js';

interface Cases {
  readonly stamps: readonly { local: [number, number, number, number, number, number]; text: string }[];
  readonly durations: readonly { seconds: number; text: string }[];
}

function clockOf(...times: number[]): () => number {
  return () => times.shift() ?? Number.NaN;
}

describe('the shared cases of Timer', () => {
  const { stamps, durations } = cases<Cases>('timer');
  for (const { local, text } of stamps) {
    it(`prints ${text}`, () => {
      const [year, month, ...rest] = local;
      const at = new Date(year, month - 1, ...rest).getTime();
      expect(new Timer({ clock: () => at + 999 }).now()).toBe(text);
    });
  }
  for (const { seconds, text } of durations) {
    it(`prints ${seconds} seconds as ${text}`, () => {
      const timer = new Timer({ clock: clockOf(1_558_388_850_000, 1_558_388_850_000 + seconds * 1000) });
      timer.start();
      timer.stop();
      expect(timer.duration()).toBe(text);
    });
  }
});

describe('Timer', () => {
  it('does what the README shows', () => {
    const start = new Date(2019, 4, 20, 21, 47, 30).getTime();
    const timer = new Timer({ clock: clockOf(start, start + 14_000) });
    expect(timer.start()).toBe('May 20 2019 21:47:30');
    expect(timer.end()).toBe('May 20 2019 21:47:44');
    expect(timer.stop()).toBe('May 20 2019 21:47:44');
    expect(timer.duration()).toBe('0:00:14');
  });

  it('starts once', () => {
    const timer = new Timer({ clock: clockOf(0, 9000) });
    expect(timer.start()).toBe(timer.start());
    timer.stop();
    expect(timer.duration()).toBe('0:00:09');
  });

  it('gives the time so far while it runs, and nothing before', () => {
    const timer = new Timer({ clock: clockOf(0, 5000, 7000, 8000) });
    expect(timer.duration()).toBe('0:00:00');
    timer.start();
    expect(timer.duration()).toBe('0:00:05');
    expect(timer.duration()).toBe('0:00:07');
    timer.stop();
    expect(timer.duration()).toBe('0:00:08');
  });

  it('reads the clock of the machine by default', () => {
    const timer = new Timer();
    expect(timer.start()).toMatch(/^[A-Z][a-z]{2} \d{2} \d{4} \d{2}:\d{2}:\d{2}$/);
    expect(formatElapsed(1e3)).toBe('0:00:01');
  });
});
