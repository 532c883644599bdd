import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { TreeSampler } from './tree.mjs';

/**
 * Runs one command as a whole process and waits until it has ended.
 *
 * @param {{ argv: string[], cwd?: string }} command
 * @param {{ env: Record<string, string>, stderr: string, timeoutMs: number, sample: boolean }} options
 *   `stderr`: file that takes what the command says; `sample`: watch the memory of its process tree
 * @returns {Promise<{ ms: number, memory: object | null }>} wall time from spawn to exit
 */
export async function measure(command, { env, stderr, timeoutMs, sample }) {
  const errors = openSync(stderr, 'w');
  const tag = `dl_jobs_bench_${process.pid}_${process.hrtime.bigint()}`;
  const [program, ...rest] = command.argv;
  const start = process.hrtime.bigint();
  const child = spawn(program, rest, {
    cwd: command.cwd,
    env: { ...env, BENCH_TAG: tag },
    stdio: ['ignore', 'ignore', errors],
    // Its own group, so that a command that takes too long can be ended with all its children.
    detached: true,
  });
  closeSync(errors);
  const sampler = sample ? new TreeSampler(child.pid, tag) : null;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, timeoutMs);
  const abandoned = () => killGroup(child.pid);
  process.once('exit', abandoned);
  try {
    const { code, signal, end } = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve({ code, signal, end: process.hrtime.bigint() }));
    });
    if (timedOut) throw new Error(`took longer than ${timeoutMs / 1000} s`);
    if (code !== 0) {
      killGroup(child.pid);
      throw new Error(`ended with ${signal ?? `exit code ${code}`}${lastWords(stderr)}`);
    }
    return { ms: Number(end - start) / 1e6, memory: sampler?.stop() ?? null };
  } finally {
    clearTimeout(timer);
    process.off('exit', abandoned);
    sampler?.stop();
  }
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

/** The end of what a command said, without the frames of stacks. */
function lastWords(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const telling = lines.filter((line) => line.trim() !== '' && !/^\s+at /.test(line)).slice(-8);
  return telling.map((line) => `\n    ${line}`).join('');
}
