/** This machine: one worker inside the controller. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ExpectedRun, Platform, RoundContext, RoundHandle } from '../../contract/platform.js';
import { openContainer } from '../../worker/container/open.js';
import type { PlanContext, PlatformPlan } from '../../contract/plan.js';
import { pythonHost, nodeHost } from '../../worker/host-command.js';
import type { ContainerPlan } from '../../worker/container/plan.js';
import { SpareHost } from '../../worker/spare-host.js';
import { hostsFor, startWorker } from '../../worker/start-worker.js';
import type { Worker } from '../../worker/worker.js';
import { checkMachine } from './check-machine.js';

/** Hosts that boot already; for whichever run of this process starts next. */
let spares: SpareHost[] = [];

export const localPlatform: Platform = {
  name: 'local',
  capabilities: { languages: ['node', 'python'], gpus: true, local: true },

  prepare(folder: string, cwd: string, expected: ExpectedRun): void {
    const { language, python, hosts } = expected;
    const command = language === 'node' ? nodeHost(cwd, {}, null) : pythonHost(python, cwd, {});
    try {
      for (let n = spares.length; n < Math.min(hosts, availableParallelism()); n++)
        spares.push(new SpareHost(command, join(folder, `spare-${process.pid}-${n}.log`)));
    } catch {
      // Whether a host can be started, and why not, the run will tell.
    }
  },

  release(): void {
    for (const spare of spares) spare.discard();
    spares = [];
  },

  start(round: RoundContext): RoundHandle | Promise<RoundHandle> {
    // Nothing is waited for where there is nothing to wait for: the hosts begin at once.
    if ((round.spec.container ?? 'none') === 'none') return work(round, null);
    localPlatform.release?.();
    return openContainer(round).then((container) => work(round, container));
  },

  plan({ spec, tasks }: PlanContext): Promise<PlatformPlan> {
    const { taskConcurrency } = spec;
    const hosts = Math.min(hostsFor(spec).hosts, Math.ceil(tasks / taskConcurrency));
    const each = taskConcurrency === 1 ? '' : `, ${taskConcurrency} tasks at a time in each`;
    return Promise.resolve({
      workers: `${hosts} ${hosts === 1 ? 'process' : 'processes'} on this machine${each}`,
      chunks: null,
      script: null,
      submissions: [],
      limits: [],
      refusal: null,
    });
  },

  checkup: checkMachine,
};

function work(round: RoundContext, container: ContainerPlan | null): Worker {
  const claimed = spares;
  spares = [];
  return startWorker(round, { spares: claimed, container });
}
