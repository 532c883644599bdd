/** The platform contract on this machine, and what of it holds for platforms that can do less. */
import { describe } from 'vitest';
import type { Abilities } from './platform/cases.js';
import { platformSuite } from './platform/suite.js';

const suite = (abilities: Partial<Abilities> = {}): void =>
  platformSuite(
    'local',
    () =>
      Promise.resolve({
        env: {},
        config: ['platform: local', 'workers: 3', 'gpu_ids: [0, 1]'],
        outlivesController: false,
        traces: () => Promise.resolve(''),
        left: () => Promise.resolve([]),
        stop: () => Promise.resolve(),
      }),
    abilities,
  );

describe('local', { timeout: 600_000 }, () => suite());

// The cases for platforms that lack something must be right, too: here each of them is true of a platform that does.
describe('local, with tasks in Python alone', { timeout: 600_000 }, () => suite({ languages: ['python'] }));

describe('local, taken for a platform that can do nothing but run tasks', { timeout: 600_000 }, () =>
  suite({
    gpus: false,
    taskConcurrency: false,
    sharesFiles: false,
    recordsEachTry: false,
    retriesEachType: false,
    exactLogs: false,
    memory: '512MB',
    timeout: '6s',
    longestText: 500_000,
  }),
);
