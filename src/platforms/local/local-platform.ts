/** This machine: one worker inside the controller. */
import type { Platform, RoundContext, RoundHandle } from '../../contract/platform.js';
import { pythonHost, nodeHost } from '../../worker/host-command.js';
import { Worker } from '../../worker/worker.js';
import { findGpus } from './gpus.js';
import { hostPlan } from './host-plan.js';

export const localPlatform: Platform = {
  name: 'local',
  capabilities: { languages: ['node', 'python'], gpus: true, local: true },
  start(round: RoundContext): RoundHandle {
    const { spec } = round;
    const gpus = spec.gpus > 0 ? (spec.gpuIds ?? findGpus()) : [];
    const plan = hostPlan(spec, gpus);
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
    });
  },
};
