/** A job as data, for what is tested below the command line. */
import { NO_SLURM, type JobSpec } from '../../src/contract/spec.js';
import type { Policy } from '../../src/contract/policy.js';

const policy: Policy = {
  retries: 0,
  retryOn: [],
  retryDelay: 1,
  timeout: null,
  memory: null,
  maxFailures: null,
  failFast: false,
  shuffle: false,
};

export function jobSpec(
  changes: Partial<Omit<JobSpec, 'policy' | 'slurm'>> & {
    readonly policy?: Partial<Policy>;
    readonly maxWorkers?: number;
  } = {},
): JobSpec {
  const { policy: policyChanges, maxWorkers = 16, ...rest } = changes;
  return {
    moduleName: 'tiles.segment',
    methodName: 'task',
    file: 'tiles/segment.py',
    language: 'python',
    call: 'each',
    platform: 'earthone',
    name: 'job',
    cpuJob: true,
    image: 'python3.11:latest',
    container: 'none',
    cpus: 1,
    gpus: 0,
    gpuType: null,
    gpuIds: null,
    workers: 0,
    taskConcurrency: 1,
    python: 'python3',
    groupedResults: false,
    noisy: true,
    printLogs: false,
    suppress: [],
    durability: 'batch',
    limit: null,
    sample: null,
    ordered: false,
    env: [],
    envGiven: [],
    redact: [],
    modules: [],
    requirements: null,
    data: [],
    taskKwargs: {},
    ...rest,
    policy: { ...policy, ...policyChanges },
    slurm: { ...NO_SLURM, maxWorkers },
  };
}

/** What `call` throws, if it is an error of ours: its code, and message and hint as one text. */
export function refusal(call: () => unknown): { readonly code: unknown; readonly text: string } {
  try {
    call();
  } catch (error) {
    const { code, message, hint } = error as { code?: unknown; message: string; hint?: string };
    return { code, text: `${message}\n${hint ?? ''}` };
  }
  return { code: null, text: '' };
}
