/** Runs that stand still until a test lets them go on, and looks at commands while they run. */
import { rmSync, writeFileSync, appendFileSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { recordLine } from '../../src/contract/record-line.js';
import type { JournalRecord } from '../../src/contract/record.js';
import { makeProject, type Project, type RunOptions, type RunResult } from '../support/project.js';
import { isRunning, until } from './processes.js';

const TS = `
import { existsSync, writeFileSync } from 'node:fs';
const pass = async (gate: string) => {
  while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 10));
};
console.log('the module prints');
/** Goes through two gates. */
export async function gated(i: number) {
  writeFileSync('pid-' + i, String(process.pid));
  console.log('begin ' + i + ' ü日本');
  await pass('gate-' + i);
  process.stdout.write('middle ' + i + ', no newline');
  await pass('gate-' + i + '-b');
  console.error('\\nend ' + i);
  return { i };
}
`;
const PY = `
import os, sys, time

def open_gate(gate):
    while not os.path.exists(gate):
        time.sleep(0.01)

print('the module prints')

def gated(i):
    with open('pid-%d' % i, 'w') as file:
        file.write(str(os.getpid()))
    print('begin %d ü日本' % i)
    open_gate('gate-%d' % i)
    sys.stdout.write('middle %d, no newline' % i)
    sys.stdout.flush()
    open_gate('gate-%d-b' % i)
    print('\\nend %d' % i, file=sys.stderr)
    return {'i': i}
`;

/** What a task of these prints. */
export const printed = (i: number): string => `begin ${i} ü日本\nmiddle ${i}, no newline\nend ${i}\n`;

export interface GatedProject extends Project {
  /** Lets tasks through their gates. */
  open(...gates: string[]): void;
}

export function gatedProject(files: Record<string, string> = {}): GatedProject {
  const project = makeProject({
    'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\n',
    'ts/gated.ts': TS,
    'py/gated.py': PY,
    ...files,
  });
  return {
    ...project,
    open: (...gates) => gates.forEach((gate) => writeFileSync(project.path(`gate-${gate}`), '')),
  };
}

/** A command while it runs. */
export interface Started {
  readonly child: ChildProcess;
  readonly result: Promise<RunResult>;
  /** What came on standard output so far. */
  stdout(): string;
}

export function start(project: Project, args: readonly string[], options: RunOptions = {}): Started {
  let child: ChildProcess | undefined;
  let stdout = Buffer.alloc(0);
  const result = project.run(args, {
    ...options,
    onStart: (started) => {
      child = started;
      started.stdout?.on('data', (chunk: Buffer) => (stdout = Buffer.concat([stdout, chunk])));
    },
  });
  return { child: child as unknown as ChildProcess, result, stdout: () => stdout.toString('utf8') };
}

/** Kills the process without a chance to write anything, and waits until it and the processes that it had are gone. */
export async function killHard({ child, result }: Started, ...others: number[]): Promise<void> {
  child.kill('SIGKILL');
  await result;
  await until('the hosts end', () => !others.some(isRunning));
}

/** One more shard in a run folder, as a later worker would have written it, with the log of its host 0. */
export function addShard(dir: string, writer: string, records: readonly JournalRecord[], log: string): void {
  const shard: JournalRecord = { v: 1, k: 'shard', run: 'run', w: writer, at: 1 };
  const lines = [shard, ...records].map((record) => recordLine(record));
  writeFileSync(join(dir, 'journal', `${writer}.ndjson`), Buffer.concat(lines));
  appendFileSync(join(dir, 'logs', `${writer}-0.log`), log);
  rmSync(join(dir, 'state.json'), { force: true });
}
