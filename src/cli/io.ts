/** The edge: everything a command may know of, or do to, the process it runs in. */

/** Standard output or standard error. */
export interface Output {
  /** False: the reader is slow, wait for {@link flush} before writing much more. Writes to a closed pipe do nothing. */
  write(data: string | Uint8Array): boolean;
  /** Resolves when everything written so far has been handed over, or cannot be. */
  flush(): Promise<void>;
  readonly isTTY: boolean;
  /** Width of the terminal now; undefined when there is none. */
  readonly columns: number | undefined;
  /** True once the reader has gone away (`| head`). */
  readonly closed: boolean;
}

/** Variable that tells a process that it was started by `--detach`: the file that its messages go to. */
export const DETACHED = 'DL_JOBS_DETACHED_LOG';

/** What it says to the one who started it, once its runs exist. */
export interface Announcement {
  /** Their ids. */
  readonly runs: readonly string[];
}

export interface Io {
  /** Without node and script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };
  /** Called once the runs of this command exist: their folders, absolute. */
  announce(runs: readonly string[]): void;
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `handler` each time the signal arrives, instead of ending the process; returns what undoes it. */
  onSignal(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR2', handler: () => void): () => void;
}

/** An {@link Output} over a stream of the process. */
export function outputOf(stream: NodeJS.WriteStream): Output {
  let closed = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    closed = true;
    // A reader that has gone is no mistake of anybody; the work goes on without it.
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
  });
  return {
    write: (data) => closed || stream.write(data),
    flush: () =>
      new Promise((resolve) => {
        if (closed || stream.writableLength === 0) resolve();
        else stream.write('', () => resolve());
      }),
    // A pipe has no such property at all.
    isTTY: (stream.isTTY as boolean | undefined) === true,
    get columns() {
      // Some terminals say 0.
      return stream.isTTY && stream.columns > 0 ? stream.columns : undefined;
    },
    get closed() {
      return closed;
    },
  };
}
