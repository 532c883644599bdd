/** What stands on which stream. */
import { readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { bin, one, readNdjson } from '../support/project.js';
import { job, map, project } from './small-tasks.js';

describe('streams', () => {
  test('stdout carries results and task output, stderr the rest', async () => {
    const p = project();
    const { code, stdout, stderr } = await p.run(map('square'));
    expect(code, stderr).toBe(0);
    expect(stdout.trimEnd().split('\n').sort()).toEqual(['{"square":0}', '{"square":1}', '{"square":4}']);
    expect(stderr).toContain('3 tasks, 3 ok, 0 errors');
    expect(stderr).toContain(one(p.path('results/*.ndjson')));
    expect(stderr).not.toContain('\u001b');
  });

  test('print_logs prints each task’s output below its number; suppress hides lines', async () => {
    const p = project('noisy: false\n');
    const { stdout } = await p.run(map('speak'));
    const blocks = stdout.split(/^(?=logs\[)/m).sort();
    expect(blocks).toEqual([0, 1, 2].map((i) => `logs[${i}]\nout ${i}\nno newline ${i}\n`));
    const log = readFileSync(one(p.path('logs/*.log')), 'utf8');
    for (const i of [0, 1, 2]) expect(log).toContain(`[${i}] out ${i}\n`);
    expect(log).not.toContain('hide me');
  });

  test('neither noisy nor print_logs prints nothing', async () => {
    const { stdout } = await project('noisy: false\nprint_logs: false\n').run(map('speak'));
    expect(stdout).toBe('');
  });

  test('a pipe gets every result, however many', async () => {
    const p = project('', { 'run/many.ts': job("{ methodName: 'square', argsList: 1000 }") });
    const { stdout } = await p.run(['run', 'many']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1000);
  });

  test('a reader that leaves early is no error', async () => {
    const p = project('', { 'run/many.ts': job("{ methodName: 'square', argsList: 20000 }") });
    const child = spawn(
      '/bin/sh',
      ['-c', '"$0" "$1" run many | head -1; echo "${PIPESTATUS:-}"', process.execPath, bin],
      {
        cwd: p.dir,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
    await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).not.toMatch(/EPIPE|bug|^\s+at /m);
    expect(stderr).toContain('20000 ok');
    expect(readNdjson(one(p.path('results/*.ndjson')))).toHaveLength(20000);
  });

  test('the output of a single task comes while it runs', async () => {
    const p = project('', { 'run/live.ts': job("{ methodName: 'slowSpeak', args: ['go'] }") });
    // The task waits until its first line was seen here.
    const { stdout } = await p.run(['run', 'live'], {
      onStart: (child) => {
        child.stdout?.on('data', (chunk: Buffer) => {
          if (String(chunk).includes('step 0')) writeFileSync(p.path('go'), '');
        });
      },
    });
    expect(stdout).toBe('step 0\nstep 1\n"done"\n');
  });
});
