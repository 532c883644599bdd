/** Whether user code writes to stdout or stderr, found out without asking the system after each task. */
import { fstatSync } from 'node:fs';

/** True once user code touched `process.stdout` or `process.stderr`, as console does: from then on tasks may print. */
let touched = false;

/** Call before user code is loaded. Looking at them makes Node build streams, so they are watched, not opened. */
export function watchOutput(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const original = Object.getOwnPropertyDescriptor(process, name);
    if (original?.get === undefined) continue;
    const get = original.get.bind(process);
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        touched = true;
        Object.defineProperty(process, name, original);
        return get() as unknown;
      },
    });
  }
}

export function mayPrint(): boolean {
  return touched;
}

/** Bytes in the host's log file. */
export function logSize(): number {
  return fstatSync(1).size;
}
