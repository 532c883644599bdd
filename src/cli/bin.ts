#!/usr/bin/env node
/** The program: the only file that touches the process's own arguments, streams and exit code. */
import process from 'node:process';
import { closeSync, renameSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DETACHED, outputOf, type Announcement, type Io } from './io.js';
import { main } from './main.js';

const stdout = outputOf(process.stdout);
const stderr = outputOf(process.stderr);

function workingDirectory(): string | null {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

// Not for those that this process starts.
const detachedLog = process.env[DETACHED];
delete process.env[DETACHED];

/** Whoever started this process in the background waits at descriptor 3 to hear which runs it has. */
function announce(runs: readonly string[]): void {
  if (detachedLog === undefined) return;
  const [first] = runs;
  const told: Announcement = { runs: runs.map((dir) => basename(dir)) };
  try {
    if (first !== undefined) renameSync(detachedLog, join(first, 'controller.log'));
    writeSync(3, `${JSON.stringify(told)}\n`);
    closeSync(3);
  } catch {
    // The other end has gone; the run goes on all the same.
  }
}

const cwd = workingDirectory();
if (cwd === null) {
  stderr.write('error: expected to stand in a folder, but the working directory no longer exists [USAGE]\n');
  process.exitCode = 2;
} else {
  const io: Io = {
    argv: process.argv.slice(2),
    env: process.env,
    cwd,
    stdout,
    stderr,
    // Opening standard input has a cost and holds the process: only who reads it pays.
    get stdin() {
      return process.stdin;
    },
    announce,
    now: () => Date.now(),
    onSignal(signal, handler) {
      process.on(signal, handler);
      return () => process.off(signal, handler);
    },
  };
  process.exitCode = await main(io);
}
await Promise.all([stdout.flush(), stderr.flush()]);
// Standard input may be half read and would keep the process waiting.
process.exit();
