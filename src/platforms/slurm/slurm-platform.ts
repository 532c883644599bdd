/** Slurm: workers in job arrays, which take their tasks from the run folder on the shared file system. */
import type { Platform } from '../../contract/platform.js';
import { slurmAllocation } from './allocation.js';
import { checkSlurm } from './checkup.js';
import { checkSlurmOptions } from './options.js';
import { planRound } from './plan.js';
import { slurmClient } from './slurm-client.js';
import { SlurmRound } from './slurm-round.js';
import { discardRound, lookAtRound } from './unwatched-round.js';

export const slurmPlatform: Platform = {
  name: 'slurm',
  capabilities: { languages: ['node', 'python'], gpus: true, local: false, taskKwargs: 'settings' },
  allocation: slurmAllocation,
  check: async ({ slurm }, env) => await checkSlurmOptions(slurm.options, env),
  plan: planRound,
  checkup: checkSlurm,
  look: lookAtRound,
  discard: discardRound,
  start: (context) => new SlurmRound(context, slurmClient(context)),
};
