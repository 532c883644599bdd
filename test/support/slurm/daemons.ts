/** How the daemons of a cluster for tests are started, and when they answer. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { databaseSocket, mungeSocket, type Place } from './config.js';
import type { Daemon, World } from './worlds.js';

/** A munged with a key of its own: what this machine may have of munge is not touched. */
export async function startMunge(world: World, place: Place): Promise<Daemon> {
  const folder = join(place.dir, 'munge');
  const socket = mungeSocket(place);
  writeFileSync(join(folder, 'key'), randomUUID().repeat(8), { mode: 0o600 });
  const log = join(place.dir, 'log/munged.out');
  const munged = await world.start(
    [
      ...['munged', '--foreground', '--force', `--socket=${socket}`, `--key-file=${folder}/key`],
      ...[`--pid-file=${folder}/pid`, `--log-file=${place.dir}/log/munged.log`, `--seed-file=${folder}/seed`],
    ],
    log,
  );
  await answers(munged, 'munged', log, () => succeeds('munge', ['-n', '-S', socket]));
  return munged;
}

/** slurmdbd, and a database on a Unix socket that lets in whoever is root. */
export async function startAccounting(world: World, place: Place): Promise<void> {
  const { dir } = place;
  const data = join(dir, 'db');
  const socket = databaseSocket(place);
  await run('mariadb-install-db', [
    ...['--no-defaults', '--user=root', `--datadir=${data}`],
    ...['--auth-root-authentication-method=socket', '--skip-test-db'],
  ]);
  const log = join(dir, 'log/mariadbd.out');
  const database = await world.start(
    [
      ...['mariadbd', '--no-defaults', '--user=root', `--datadir=${data}`, `--socket=${socket}`],
      ...[`--pid-file=${dir}/run/mariadbd.pid`, '--skip-networking', '--innodb-buffer-pool-size=64M'],
      ...['--innodb-log-file-size=16M', '--innodb-lock-wait-timeout=900'],
      ...['--innodb-flush-log-at-trx-commit=0', '--skip-innodb-doublewrite'],
    ],
    log,
  );
  await answers(database, 'MariaDB', log, () =>
    succeeds('mariadb', ['--no-defaults', '-u', 'root', '-S', socket, '-e', 'select 1']),
  );
  const dbdLog = join(dir, 'log/slurmdbd.out');
  const dbd = await world.start(['slurmdbd', '-D'], dbdLog, {
    ...clientEnvironment(dir),
    // How the client library of the database is told of another socket.
    MYSQL_UNIX_PORT: socket,
  });
  await answers(dbd, 'slurmdbd', dbdLog, () => succeeds('sacctmgr', ['-n', 'show', 'cluster'], dir));
}

export async function startSlurmctld(world: World, { dir }: Place): Promise<Daemon> {
  const log = join(dir, 'log/slurmctld.out');
  const slurmctld = await world.start(['slurmctld', '-D', '-f', join(dir, 'etc/slurm.conf')], log);
  await answers(slurmctld, 'slurmctld', log, () => succeeds('scontrol', ['ping'], dir));
  return slurmctld;
}

export const clientEnvironment = (dir: string): { SLURM_CONF: string } => ({
  SLURM_CONF: join(dir, 'etc/slurm.conf'),
});

/** Far more than anything needs: only what hangs is to end by it, also on a machine that is slow or stands still. */
const WAIT_MS = 120_000;

async function run(command: string, args: readonly string[], dir?: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], {
    env: { ...process.env, ...(dir !== undefined && clientEnvironment(dir)) },
    // `sbatch --wait` looks after 2, 4, 8, 16, … s: what takes it a moment too long takes it twice as long.
    timeout: WAIT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

export const client = async (dir: string, command: string, args: readonly string[]): Promise<string> =>
  (await run(command, args, dir)).replace(/\n$/, '');

async function succeeds(command: string, args: readonly string[], dir?: string): Promise<boolean> {
  try {
    await run(command, args, dir);
    return true;
  } catch {
    return false;
  }
}

/** Waits until a daemon answers, but not for one that has ended. */
export async function answers(
  daemon: Daemon,
  name: string,
  log: string,
  asks: () => Promise<boolean>,
): Promise<void> {
  const said = (): string => readFileSync(log, 'utf8').split('\n').slice(-10).join('\n');
  await waitFor(
    () => `${name} does not answer: ${said()}`,
    async () => {
      if (!daemon.runs) throw new Error(`${name} ended: ${said()}`);
      return asks();
    },
  );
}

/** A controller that is slow to answer has not answered yet, and is asked again. */
export async function waitFor(otherwise: () => string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS;
  const isSo = async (): Promise<boolean> => {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > end || !SILENT.test(String(error))) throw error;
      return false;
    }
  };
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(otherwise());
    await sleep(20);
  }
}

const SILENT = /Unable to contact slurm controller|Socket timed out/;

export const listens = (host: string, port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, host);
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
