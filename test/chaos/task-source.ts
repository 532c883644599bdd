/** The task functions, in both languages: they do what the letter at their index says. */
import type { JobPlan } from './plan.js';

/** Width of a line of the side file: `<task, 7 wide> <8 hex digits>\n`. */
export const SIDE_LINE = 17;

/** What a child of a task is, as /proc shows it. */
export const CHILD = 'sleep 1000';

const TYPESCRIPT = `
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';

let side = -1;
/** One line for each time that a task runs. */
function mark(i: number): void {
  if (side < 0) side = openSync(SIDE, 'a');
  writeSync(side, String(i).padStart(7) + ' ' + randomBytes(4).toString('hex') + '\\n');
}

async function later(i: number) {
  await new Promise((resolve) => setTimeout(resolve, SLEEP_MS * (1 + (i % 7))));
  return { i, square: i * i };
}

/** A child that lives on unless somebody ends it. */
function child(i: number, detached: boolean) {
  spawn('sleep', ['1000'], { detached, stdio: 'ignore' }).unref();
  return { i, child: true };
}

function isFirst(i: number): boolean {
  try {
    openSync(SIDE + '.' + i, 'wx');
    return true;
  } catch {
    return false;
  }
}

export function work(arg: number | [number, string] | { i: number }): unknown {
  const i = typeof arg === 'number' ? arg : Array.isArray(arg) ? arg[0] : arg.i;
  mark(i);
  const mixed = [{ i, part: 'good' }, 'ERROR: part of ' + i, null, { ERROR: 'half of ' + i, part: 2 }];
  switch (LETTERS[i]) {
    case 'v': return { i, square: i * i };
    case 'n': return undefined;
    case 'l': return [{ i, part: 0 }, { i, part: 1 }, [i]];
    case 'm': return mixed;
    case 'b': return { i, text: (i + ' é"\\\\日 ').repeat(Math.ceil(20000 / (i + ' é"\\\\日 ').length)) };
    case 's': return later(i);
    case 'x': throw new RangeError('no ' + i);
    case 'r': return { ERROR: 'bad ' + i };
    case 't': return 'ERROR: text of ' + i;
    case 'u': return 10n;
    case 'e': return process.exit(3);
    case 'k': process.kill(process.pid, 'SIGKILL'); for (;;);
    case 'w': for (;;);
    case 'z': return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    case 'c': return child(i, false);
    case 'd': return child(i, true);
    case 'f':
      if (isFirst(i)) { process.kill(process.pid, 'SIGKILL'); for (;;); }
      return { i, again: true };
  }
}
`;

const PYTHON = `
import ctypes, math, os, signal, subprocess, time

side = None

def mark(i):
    """One line for each time that a task runs."""
    global side
    if side is None:
        side = os.open(SIDE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(side, ("%7d %s\\n" % (i, os.urandom(4).hex())).encode())

def child(i, detached):
    """A child that lives on unless somebody ends it."""
    null = subprocess.DEVNULL
    subprocess.Popen(["sleep", "1000"], start_new_session=detached, stdin=null, stdout=null, stderr=null)
    return {"i": i, "child": True}

def is_first(i):
    try:
        os.close(os.open("%s.%d" % (SIDE, i), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

def work(arg):
    i = arg if isinstance(arg, int) else arg[0] if isinstance(arg, list) else arg["i"]
    mark(i)
    letter = LETTERS[i]
    if letter == "v":
        return {"i": i, "square": i * i}
    if letter == "n":
        return None
    if letter == "l":
        return [{"i": i, "part": 0}, {"i": i, "part": 1}, [i]]
    if letter == "m":
        return [{"i": i, "part": "good"}, "ERROR: part of %d" % i, None, {"ERROR": "half of %d" % i, "part": 2}]
    if letter == "b":
        text = "%d \\u00e9\\"\\\\\\u65e5 " % i
        return {"i": i, "text": text * math.ceil(20000 / len(text))}
    if letter == "s":
        time.sleep(SLEEP_MS * (1 + i % 7) / 1000)
        return {"i": i, "square": i * i}
    if letter == "x":
        raise IndexError("no %d" % i)
    if letter == "r":
        return {"ERROR": "bad %d" % i}
    if letter == "t":
        return "ERROR: text of %d" % i
    if letter == "u":
        return object()
    if letter == "e":
        os._exit(3)
    if letter == "k":
        os.kill(os.getpid(), signal.SIGKILL)
    if letter == "w":
        while True:
            pass
    if letter == "z":
        # PyDLL keeps the interpreter's lock: nothing else of the process runs meanwhile.
        ctypes.PyDLL(None).sleep(1000)
    if letter in "cd":
        return child(i, letter == "d")
    if letter == "f":
        if is_first(i):
            os.kill(os.getpid(), signal.SIGKILL)
        return {"i": i, "again": True}
`;

/** The module of a job: its path in the project, and its text. */
export function taskModule(
  job: JobPlan,
  python: boolean,
  sleepMs: number,
): readonly [path: string, text: string] {
  const constants = { LETTERS: job.letters, SIDE: job.side, SLEEP_MS: sleepMs };
  const lines = Object.entries(constants).map(
    ([name, value]) => `${python ? '' : 'const '}${name} = ${JSON.stringify(value)}`,
  );
  return [
    `tasks/${job.name}.${python ? 'py' : 'ts'}`,
    `${lines.join('\n')}\n${python ? PYTHON : TYPESCRIPT}`,
  ];
}
