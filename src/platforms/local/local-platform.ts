/** This machine: one worker inside the controller. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ExpectedRun, Platform, RoundContext, RoundHandle } from '../../contract/platform.js';
import { pythonHost, nodeHost } from '../../worker/host-command.js';
import { SpareHost } from '../../worker/spare-host.js';
import { Worker } from '../../worker/worker.js';
import { findGpus } from './gpus.js';
import { hostPlan } from './host-plan.js';

/** Hosts that boot already; for whichever run of this process starts next. */
let spares: SpareHost[] = [];

export const localPlatform: Platform = {
  name: 'local',
  capabilities: { languages: ['node', 'python'], gpus: true, local: true },

  prepare(folder: string, cwd: string, expected: ExpectedRun): void {
    const command = expected.language === 'node' ? nodeHost(cwd, {}) : pythonHost(expected.python, cwd, {});
    for (let n = spares.length; n < Math.min(expected.hosts, availableParallelism()); n++) {
      spares.push(new SpareHost(command, join(folder, `spare-${process.pid}-${n}.log`)));
    }
  },

  release(): void {
    for (const spare of spares) spare.discard();
    spares = [];
  },

  start(round: RoundContext): RoundHandle {
    const { spec } = round;
    const gpus = spec.gpus > 0 ? (spec.gpuIds ?? findGpus()) : [];
    const plan = hostPlan(spec, gpus);
    const claimed = spares;
    spares = [];
    return new Worker({
      round,
      hosts: plan.hosts,
      command: (slot) => {
        const env = plan.visibleGpus(slot);
        const extra = env === null ? {} : { CUDA_VISIBLE_DEVICES: env };
        return spec.language === 'python'
          ? pythonHost(spec.python, round.cwd, extra)
          : nodeHost(round.cwd, extra);
      },
      spares: claimed,
    });
  },
};
