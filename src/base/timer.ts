const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Options of {@link Timer}. */
export interface TimerOptions {
  /** The time, in milliseconds since 1970; default `Date.now`. */
  readonly clock?: () => number;
}

/** `'May 20 2019 21:47:30'`: local time, month names in English whatever the locale. `ms` is epoch milliseconds. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':');
  return `${MONTHS[date.getMonth()] ?? ''} ${pad(date.getDate())} ${date.getFullYear()} ${clock}`;
}

/** `'0:00:14'`, `'1 day, 0:00:14'`: whole seconds, as Python prints a timedelta. Negative counts as zero. */
export function formatElapsed(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(total / 86_400);
  const clock = `${Math.floor(total / 3600) % 24}:${pad(Math.floor(total / 60) % 60)}:${pad(total % 60)}`;
  if (days === 0) return clock;
  return `${days} ${days === 1 ? 'day' : 'days'}, ${clock}`;
}

function pad(n: number): string {
  return String(n).padStart(2, '0');
}

/**
 * A stop watch that speaks in text:
 *
 * ```ts
 * const timer = new Timer();
 * timer.start(); // 'May 20 2019 21:47:30'
 * timer.stop(); // 'May 20 2019 21:47:44'
 * timer.duration(); // '0:00:14'
 * ```
 */
export class Timer {
  readonly #clock: () => number;
  #started: number | undefined;
  #stopped: number | undefined;

  constructor(options: TimerOptions = {}) {
    this.#clock = options.clock ?? Date.now;
  }

  /** Starts, the first time it is called; returns the time of the start. */
  start(): string {
    return formatTime((this.#started ??= this.#clock()));
  }

  /** Stops, the first time it is called; returns the time of the stop. */
  stop(): string {
    return formatTime((this.#stopped ??= this.#clock()));
  }

  /** The same as {@link Timer.stop}. */
  end(): string {
    return this.stop();
  }

  /** Time from start to stop, or so far while it runs: `'0:00:14'`. Before the start `'0:00:00'`. */
  duration(): string {
    if (this.#started === undefined) return formatElapsed(0);
    return formatElapsed((this.#stopped ?? this.#clock()) - this.#started);
  }

  /** The time now: `'May 20 2019 21:47:30'`. */
  now(): string {
    return formatTime(this.#clock());
  }
}
