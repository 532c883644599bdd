/** `dl_jobs logs` of jobs whose output is masked. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { gatedProject, killHard, start, type Started } from './gated.js';
import { runDir } from './journal.js';
import { pidIn, until } from './processes.js';

describe('of a job with secrets', () => {
  const SECRET = 'hush-1234';
  const begin = () => {
    const p = gatedProject({
      'dl_jobs.config.yaml': 'noisy: false\nprint_logs: false\nenv: [TOKEN]\n',
      'ts/secret.ts': `
        import { existsSync, writeFileSync } from 'node:fs';
        export async function tell(i: number) {
          console.log('the token is ' + process.env.TOKEN);
          process.stdout.write('and again ' + process.env.TOKEN);
          writeFileSync('told-' + i, String(process.pid));
          while (!existsSync('gate-' + i)) await new Promise((resolve) => setTimeout(resolve, 10));
        }`,
      'two.ndjson': '0\n1\n',
    });
    const args = ['map', 'ts.secret.tell', '--args_list', 'two.ndjson', '--workers', '1'];
    return { p, run: start(p, args, { env: { TOKEN: SECRET } }) };
  };
  const masked = `the token is ${'*'.repeat(SECRET.length)}\nand again ${'*'.repeat(SECRET.length)}`;

  test('shows a task once it has ended, and its secrets are masked', async () => {
    const { p, run } = begin();
    const live: Started[] = [];
    await until('the first task has printed', () => existsSync(p.path('told-0')));
    live.push(start(p, ['logs', '--task', '1', '-f']), start(p, ['logs', '-f']));
    const looked = await p.run(['logs', '--task', '0']);
    expect(looked).toMatchObject({ code: 0, stdout: '' });
    expect(looked.stderr).toMatch(
      /^task 0 is running: .* may hold secrets .* shown once the task has ended\n$/,
    );
    p.open('0');
    await until('the second task has printed', () => existsSync(p.path('told-1')));
    p.open('1');
    const [one, all] = await Promise.all(live.map(({ result }) => result));
    expect(one).toMatchObject({ code: 0, stdout: masked });
    expect(all).toMatchObject({ code: 0, stdout: `logs[0]\n${masked}\nlogs[1]\n${masked}\n` });
    expect((await run.result).code).toBe(0);
    expect(await p.run(['logs', '--task', '1', '-f'])).toMatchObject({ code: 0, stdout: masked, stderr: '' });
  });

  test('does not show what a killed task had printed', async () => {
    const { p, run } = begin();
    await killHard(run, await pidIn(p.path('told-0')));
    const { stdout, stderr } = await p.run(['logs', '--task', '0']);
    expect(stdout).toBe('');
    const log = join(runDir(p.dir), 'logs', readdirSync(join(runDir(p.dir), 'logs'))[0] as string);
    expect(stderr).toBe(
      `task 0 did not end: what it wrote may hold secrets that are not masked; it is in ${log}\n`,
    );
  });
});
