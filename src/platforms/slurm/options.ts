/** The setting `slurm`: options of sbatch that are passed on, once it is clear that sbatch has them and that they are free. */
import { ConfigError } from '../../base/errors.js';
import { nearest } from '../../config/nearest.js';
import { slurm, slurmMissing, type Environment } from './slurm-cli.js';

type Options = Readonly<Record<string, string | number | boolean>>;

/** Options that a submission gives itself, and what to set instead. */
const OWNED: Readonly<Record<string, string>> = {
  ...to('cpus', 'cpus-per-task', 'mincpus', 'cpus-per-gpu'),
  ...to('memory', 'mem', 'mem-per-cpu', 'mem-per-gpu'),
  ...to('gpus', 'gpus', 'gpus-per-node', 'gpus-per-task', 'gpus-per-socket', 'tres-per-task'),
  ...to('time', 'time'),
  ...to('partition', 'partition'),
  ...to('account', 'account'),
  ...to('qos', 'qos'),
  ...to('constraint', 'constraint'),
  ...to('nodelist', 'nodelist', 'nodefile'),
  ...to('exclude', 'exclude'),
  ...to('max_workers', 'array'),
  ...to('hosts_per_worker', 'ntasks', 'ntasks-per-node', 'ntasks-per-core', 'ntasks-per-socket'),
  ...to('hosts_per_worker', 'ntasks-per-gpu', 'nodes', 'overcommit', 'spread-job', 'use-min-nodes'),
  ...to('env', 'export', 'export-file', 'get-user-env'),
  ...to('container', 'container', 'container-id'),
  ...to('setup', 'wrap'),
};

/** Options that have no setting, for a worker could not live with another value of theirs. */
const FIXED: Readonly<Record<string, string>> = {
  ...fixed('what workers print is in the logs of the run', 'output', 'error', 'input', 'open-mode'),
  ...fixed('tasks run where you stand', 'chdir'),
  ...fixed('jobs are found by it', 'job-name'),
  ...fixed('what a worker leaves is run again in any case', 'requeue', 'no-requeue', 'no-kill'),
  ...fixed('workers use it to learn that their time is nearly up', 'signal'),
  ...fixed('the run is waited for in any case; `--detach` does not', 'wait', 'wait-all-nodes'),
  ...fixed('it changes what sbatch prints', 'parsable', 'quiet', 'verbose', 'help', 'usage', 'version'),
  ...fixed('nothing would be submitted', 'test-only'),
  ...fixed('set the variable SLURM_CLUSTERS, which all commands of Slurm read', 'clusters', 'cluster'),
  ...fixed('run dl_jobs as that user', 'uid', 'gid'),
};

/** The other options that some release from 20.11 on has: `sbatch --help` does not list all of them. */
const KNOWN: readonly string[] = `
  acctg-freq batch bb bbf begin cluster-constraint comment consolidate-segments contiguous core-spec cores-per-socket
  cpu-freq deadline delay-boot dependency distribution exclude-topo exclusive extra extra-node-info gpu-bind gpu-freq
  gres gres-flags hint hold ignore-pbs kill-on-invalid-dep licenses mail-type mail-user mcs-label mem-bind network nice
  oom-kill-step oversubscribe power prefer priority profile propagate reboot reservation resv-ports segment
  sockets-per-node stepmgr switches thread-spec threads-per-core time-min tmp tres-bind wckey`
  .trim()
  .split(/\s+/);

function to(setting: string, ...options: string[]): Record<string, string> {
  return Object.fromEntries(options.map((option) => [option, setting]));
}

function fixed(why: string, ...options: string[]): Record<string, string> {
  return Object.fromEntries(options.map((option) => [option, why]));
}

/** The options that `sbatch --help` lists, and whether each needs a value. */
export function parseHelp(text: string): Map<string, boolean> {
  const options = new Map<string, boolean>();
  for (const [, name = '', after] of text.matchAll(/^ {1,6}(?:-\w,? +)?--([a-z][\w-]*)(.?)/gm)) {
    options.set(name, after === '=' || options.get(name) === true);
  }
  return options;
}

/**
 * Throws CONFIG_INVALID for an option that sbatch does not have, that is not free, or that needs a value and has none.
 *
 * @param help - what `sbatch --help` prints; empty: not known
 */
export function checkOptions(options: Options, help: string): void {
  const listed = parseHelp(help);
  const free = [...KNOWN, ...listed.keys()].filter((name) => !isTaken(name));
  for (const [name, value] of Object.entries(options)) {
    if (value === false) continue;
    const setting = Object.hasOwn(OWNED, name) ? OWNED[name] : undefined;
    if (setting !== undefined) {
      throw invalid(name, 'an option that no other setting gives', `Use the setting \`${setting}\` instead.`);
    }
    const why = Object.hasOwn(FIXED, name) ? FIXED[name] : undefined;
    if (why !== undefined) {
      throw invalid(name, 'an option that is free to choose', `It is not: ${why}.`);
    }
    if (!free.includes(name)) {
      const near = nearest(name, [...free, ...Object.keys(OWNED)]);
      const others = 'See `man sbatch` for its long options.';
      throw invalid(
        name,
        'an option that sbatch has',
        near === undefined ? others : `Did you mean \`${near}\`? ${others}`,
      );
    }
    if (value === true && listed.get(name) === true) {
      throw invalid(name, 'a value for the option', `Write \`slurm: {${name}: VALUE}\`.`);
    }
    if (name === 'gres' && /(?:^|,)\s*gpu(?:[:=,]|$)/.test(String(value))) {
      throw invalid(name, 'no GPUs among other resources', 'Use the setting `gpus` instead, as `a100:2`.');
    }
  }
}

function isTaken(name: string): boolean {
  return Object.hasOwn(OWNED, name) || Object.hasOwn(FIXED, name);
}

function invalid(name: string, expected: string, hint: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', `slurm: expected ${expected}, got \`${name}\``, { hint });
}

/**
 * {@link checkOptions} against the sbatch that is there. Throws SLURM_MISSING, too.
 */
export async function checkSlurmOptions(options: Options, env: Environment): Promise<void> {
  const { outcome, stdout } = await slurm('sbatch', ['--help'], { env });
  if (outcome === 'missing') throw slurmMissing('sbatch');
  checkOptions(options, outcome === 'ok' ? stdout : '');
}

/** The options to pass on, without those that were taken away. */
export function sbatchOptions(options: Options): Record<string, string | number | true> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => (value === false ? [] : [[name, value] as const])),
  );
}
