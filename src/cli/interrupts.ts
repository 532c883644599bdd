/** Ctrl-C: once to end in order, twice to end now. */
import type { Io } from './io.js';

export interface Interrupts {
  readonly signal: AbortSignal;
  readonly killSignal: AbortSignal;
  /** The terminal was closed: what runs elsewhere goes on. */
  readonly leaveSignal: AbortSignal;
  /** The signals end the process again. */
  release(): void;
}

export function watchInterrupts(io: Io): Interrupts {
  const gentle = new AbortController();
  const hard = new AbortController();
  const away = new AbortController();
  const onSignal = (): void => {
    if (gentle.signal.aborted) {
      hard.abort();
      return;
    }
    io.stderr.write(
      '\ninterrupted: running tasks have a few seconds to finish, then outputs are written; Ctrl-C again ends it now\n',
    );
    gentle.abort();
  };
  const undo = [
    ...(['SIGINT', 'SIGTERM'] as const).map((name) => io.onSignal(name, onSignal)),
    io.onSignal('SIGHUP', () => away.abort()),
  ];
  return {
    signal: gentle.signal,
    killSignal: hard.signal,
    leaveSignal: away.signal,
    release: () => {
      for (const undoOne of undo) undoOne();
    },
  };
}

export interface Interrupt {
  /** True once Ctrl-C was pressed. */
  readonly came: boolean;
  /** Resolves after `ms` milliseconds, or as soon as Ctrl-C is pressed. */
  orAfter(ms: number): Promise<void>;
  /** The signals end the process again. */
  release(): void;
}

/** Ctrl-C for commands that only look: it ends the looking. */
export function onInterrupt(io: Io, told = (): void => undefined): Interrupt {
  let came = false;
  let wake = (): void => undefined;
  const undo = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) =>
    io.onSignal(name, () => {
      came = true;
      told();
      wake();
    }),
  );
  return {
    get came() {
      return came;
    },
    orAfter: async (ms) => {
      if (came) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    release: () => {
      for (const undoOne of undo) undoOne();
    },
  };
}
