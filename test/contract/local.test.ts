/** The platform contract on this machine. */
import { describe } from 'vitest';
import { platformSuite } from './platform/suite.js';

describe('local', { timeout: 180_000 }, () => {
  platformSuite('local', () =>
    Promise.resolve({
      env: {},
      config: ['platform: local', 'workers: 3', 'gpu_ids: [0, 1]'],
      outlivesController: false,
      traces: () => Promise.resolve(''),
      left: () => Promise.resolve([]),
      stop: () => Promise.resolve(),
    }),
  );
});
