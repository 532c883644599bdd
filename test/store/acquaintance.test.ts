/** Two processes that see whether claims exclude each other: the other one is a real worker. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Host, makeMeetingPlace, type Acquaintance } from '../../src/store/acquaintance.js';
import { bin, makeProject } from '../support/project.js';

/** What both find out in `dir`; the worker is killed when the test ends. */
async function meet(dir: string): Promise<Acquaintance | string> {
  const { signal } = new AbortController();
  makeMeetingPlace(dir);
  const host = new Host(dir, { python: 'python3', container: 'none', cwd: dir, paths: [dir, `${dir}/no`] });
  const worker = spawn(process.execPath, [bin, 'worker', '--checkup', dir], { stdio: 'ignore' });
  onTestFinished(() => void worker.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => worker.once('exit', resolve));
  const facts = await host.facts(50_000, signal);
  expect(facts).toMatchObject({
    node: { version: process.versions.node },
    container: null,
    missing: [`${dir}/no`],
  });
  const met = await host.meet(signal);
  host.close();
  expect(await ended).toBe(0);
  return met;
}

test('of what both claim each gets a part', async () => {
  const met = await meet(makeProject({}, { hostilePath: true }).path('meeting'));
  expect(met).toMatchObject({ faults: [] });
  const { won } = met as Acquaintance;
  expect(won.here + won.there).toBe(100);
});

test('a file system on which names get lost is found out', async () => {
  const dir = makeProject({}).path('meeting');
  const claims = join(dir, 'rounds/1/claims');
  // While both race, and once. Who is told that a name exists, and finds it gone then, breaks off: the worker does not
  // try again what it has won, and we do not try anything meanwhile. At a fifth of the race hardly any of those names
  // was tried by both. Only where the worker has hardly begun when we are nearly done, ours have to be lost.
  const loss = setInterval(() => {
    const names = readdirSync(claims).filter((name) => /^\d+\.0$/.test(name) && Number.parseInt(name) > 1);
    const theirs = names.filter((name) => readFileSync(join(claims, name), 'utf8') === 'there\n');
    if (theirs.length <= 10 && names.length <= 80) return;
    clearInterval(loss);
    for (const name of theirs.length > 10 ? theirs : names) rmSync(join(claims, name), { force: true });
  }, 1);
  onTestFinished(() => clearInterval(loss));
  makeMeetingPlace(dir);
  const { faults } = (await meet(dir)) as Acquaintance;
  expect(faults).toEqual([expect.stringMatching(/^\d+ of 100 claims were won on both sides$/)]);
});
