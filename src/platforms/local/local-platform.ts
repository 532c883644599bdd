/** This machine: one worker inside the controller. */
import { join } from 'node:path';
import type { Platform, RoundContext, RoundHandle } from '../../contract/platform.js';
import { pythonHost, nodeHost } from '../../worker/host-command.js';
import { SpareHost } from '../../worker/spare-host.js';
import { Worker } from '../../worker/worker.js';
import { findGpus } from './gpus.js';
import { hostPlan } from './host-plan.js';

/** At most one, since one process runs one job at a time. */
let spare: SpareHost | null = null;

export const localPlatform: Platform = {
  name: 'local',
  capabilities: { languages: ['node', 'python'], gpus: true, local: true },

  prepare(folder: string, cwd: string): void {
    spare ??= new SpareHost(nodeHost(cwd, {}), join(folder, `spare-${process.pid}.log`));
  },

  release(): void {
    spare?.discard();
    spare = null;
  },

  start(round: RoundContext): RoundHandle {
    const { spec } = round;
    const gpus = spec.gpus > 0 ? (spec.gpuIds ?? findGpus()) : [];
    const plan = hostPlan(spec, gpus);
    const claimed = spare;
    spare = null;
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
      spare: claimed,
    });
  },
};
