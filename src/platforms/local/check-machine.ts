/** What `dl_jobs doctor` looks at on this machine, as a place to run tasks. */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { formatSize } from '../../base/sizes.js';
import { failed, ok, warning, type Check, type CheckupContext } from '../../contract/check.js';
import type { JobSpec } from '../../contract/spec.js';
import type { ContainerTool } from '../../worker/container/plan.js';
import { lookForTool } from '../../worker/container/tools.js';
import { findGpus } from '../../worker/gpus.js';
import { hostPlan } from '../../worker/host-plan.js';

export async function* checkMachine({ spec }: CheckupContext): AsyncGenerator<Check> {
  const gpus = spec.gpuIds ?? findGpus();
  const hosts = gpus.length < spec.gpus ? 0 : hostPlan(spec, gpus).hosts;
  yield coresCheck(spec, hosts);
  yield memoryCheck(spec, hosts);
  yield descriptorsCheck(hosts);
  yield gpusCheck(spec, gpus);
  const container = await lookForTool(spec.container ?? 'none');
  if (container !== null) yield containerCheck(container, spec.image);
}

function containerCheck(found: ContainerTool | string, image: string): Check {
  if (typeof found !== 'string') return ok('container', `${found.program} runs ${image}`);
  return failed('container', found, 'Install it or start its service, or set `container: none`.');
}

function coresCheck(spec: JobSpec, hosts: number): Check {
  const [usable, all] = [availableParallelism(), cpus().length];
  const text = `${usable}${all > usable ? ` of ${all}` : ''} usable, ${hosts} ${hosts === 1 ? 'task' : 'tasks'} at a time`;
  if (spec.cpus <= usable) return ok('cores', text);
  return warning(
    'cores',
    `${text}; a task may use ${spec.cpus}`,
    'Set `cpus` to what this machine has: tasks run one at a time, and slower than they could.',
  );
}

/** A host of Node or Python that does nothing needs so much. */
const BARE_HOST = 64 * 1024 ** 2;

function memoryCheck(spec: JobSpec, hosts: number): Check {
  // 0: no limit; some versions say a number larger than any machine.
  const limit = process.constrainedMemory();
  const all = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const free = Math.min(process.availableMemory(), all);
  const text = `${formatSize(free)} available of ${formatSize(all)}`;
  const { memory } = spec.policy;
  const wanted = hosts * (memory === null ? BARE_HOST : memory * spec.taskConcurrency);
  if (wanted <= (memory === null ? free : all)) return ok('memory', text);
  return warning(
    'memory',
    `${text}; ${hosts} tasks at a time may need ${formatSize(wanted)}`,
    'Let fewer tasks run at a time with `workers`, or give each less `memory`.',
  );
}

/** Open files of a run, and of each host. */
const RUN_FILES = 64;
const HOST_FILES = 8;

function descriptorsCheck(hosts: number): Check {
  // A child has the limits of its parent.
  const asked = spawnSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8', timeout: 10_000 });
  const limit = /^\d+/.exec(asked.stdout ?? '')?.[0];
  if (limit === undefined) return ok('open files', 'no limit');
  const wanted = RUN_FILES + HOST_FILES * hosts;
  if (Number(limit) >= wanted) return ok('open files', `${limit} at a time`);
  return warning(
    'open files',
    `${limit} at a time; ${hosts} tasks at a time need ${wanted}`,
    'Raise the limit with `ulimit -n`, or let fewer tasks run at a time with `workers`.',
  );
}

function gpusCheck(spec: JobSpec, gpus: readonly string[]): Check {
  const text = gpus.length === 0 ? 'none' : `${gpus.length}: ${gpus.join(', ')}`;
  if (gpus.length >= spec.gpus) return ok('gpus', spec.gpus === 0 ? `${text}; jobs ask for none` : text);
  return failed(
    'gpus',
    `${text}; a task needs ${spec.gpus}`,
    'Name them with `gpu_ids`, run on a platform that has GPUs, or set `gpus: 0`.',
  );
}
