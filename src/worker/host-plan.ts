/** How many hosts run at a time on this machine, and which GPUs each of them sees. */
import { availableParallelism } from 'node:os';
import { ConfigError } from '../base/errors.js';
import type { JobSpec } from '../contract/spec.js';

export interface HostPlan {
  readonly hosts: number;
  /** Value of CUDA_VISIBLE_DEVICES for a host; null: leave the environment alone. */
  visibleGpus(slot: number): string | null;
}

/**
 * One host per usable core ÷ `cpus`, or as many as `workers` asks for; GPU tasks one per `gpus` devices.
 * Throws CONFIG_INVALID when there are fewer GPUs than one task needs.
 */
export function hostPlan(spec: JobSpec, gpuIds: readonly string[], cores = availableParallelism()): HostPlan {
  const byCores = Math.max(1, Math.floor(cores / spec.cpus));
  const wanted = spec.workers > 0 ? Math.ceil(spec.workers / spec.taskConcurrency) : byCores;
  if (spec.gpus === 0) return { hosts: wanted, visibleGpus: () => null };
  const slots = Math.floor(gpuIds.length / spec.gpus);
  if (slots === 0) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `expected at least ${spec.gpus} GPU(s) on this machine, found ${gpuIds.length}`,
      {
        hint: 'Name them with `gpu_ids: [0]` in dl_jobs.config.yaml, run on a platform that has GPUs, or pass --gpus 0.',
      },
    );
  }
  return {
    hosts: Math.min(slots, spec.workers > 0 ? wanted : slots),
    visibleGpus: (slot) => gpuIds.slice(slot * spec.gpus, (slot + 1) * spec.gpus).join(','),
  };
}
