/** The worker of a round on this machine, as every platform starts it. */
import type { RoundContext } from '../contract/platform.js';
import { findGpus } from './gpus.js';
import type { ContainerPlan } from './container/plan.js';
import { hostCommand } from './host-command.js';
import { hostPlan } from './host-plan.js';
import type { SpareHost } from './spare-host.js';
import { Worker, type WorkerOptions } from './worker.js';

export interface StartOptions extends Pick<WorkerOptions, 'endsWithUs'> {
  /** Hosts that were started ahead of time; the worker's from here on. */
  readonly spares?: readonly SpareHost[];
  /** What hosts run in; null: nothing. */
  readonly container: ContainerPlan | null;
}

/** Throws CONFIG_INVALID when there are fewer GPUs than a task needs. */
export function startWorker(round: RoundContext, { container, ...options }: StartOptions): Worker {
  const { spec } = round;
  const gpus = spec.gpus > 0 ? (spec.gpuIds ?? findGpus()) : [];
  const plan = hostPlan(spec, gpus);
  return new Worker({
    ...options,
    round,
    hosts: plan.hosts,
    command: (slot) => {
      const visible = plan.visibleGpus(slot);
      const env = { ...round.env, ...(visible !== null && { CUDA_VISIBLE_DEVICES: visible }) };
      return hostCommand(round, env, container);
    },
  });
}
