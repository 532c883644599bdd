/** The platform contract on EarthOne, as far as that service can do it. */
import { describe } from 'vitest';
import { platformSuite } from '../contract/platform/suite.js';
import { unzipSync } from 'fflate';
import { startServer, type EarthOneServer } from '../support/earthone-server.js';
import { requires } from '../support/requires.js';

/**
 * What the service keeps, but for the environments of functions, which are where secrets belong, and the logs, which it
 * takes from tasks as they print.
 */
function allKept(server: EarthOneServer): string {
  const bundles = server
    .functions()
    .flatMap(({ bundle }) => Object.entries(bundle === null ? {} : unzipSync(bundle)))
    .map(([name, bytes]) => `${name}\n${Buffer.from(bytes).toString()}`);
  const functions = server
    .functions()
    .map(({ name, image, buildLog }) => JSON.stringify({ name, image, buildLog }));
  const jobs = server
    .jobs()
    .map(({ args, kwargs, environment, tags, errorReason }) =>
      JSON.stringify({ args, kwargs, environment, tags, errorReason }),
    );
  return [...bundles, ...functions, ...jobs].join('\n');
}

describe('earthone', { timeout: 600_000, ...requires('python3') }, () => {
  platformSuite(
    'earthone',
    async () => {
      const server = await startServer({ concurrency: 3 });
      const live = (runs?: readonly string[]): string[] =>
        server
          .jobs()
          .filter(({ tags }) => runs === undefined || runs.some((run) => tags.includes(`dl_jobs.run:${run}`)))
          .filter(({ status }) => /^(pending|running|cancel|canceling)$/.test(status))
          .map(({ id, status }) => `${id} ${status}`);
      return {
        env: server.env,
        config: ['platform: earthone', 'max_workers: 3', 'cpu_image: python3.11:latest'],
        outlivesController: true,
        traces: (run) => {
          if (!server.jobs().some(({ tags }) => tags.includes(`dl_jobs.run:${run}`)))
            throw new Error(`there is no job of ${run}`);
          return Promise.resolve(allKept(server));
        },
        left: () => Promise.resolve(live()),
        atWork: (runs) => Promise.resolve(live(runs)),
        stop: () => server.stop(),
      };
    },
    {
      languages: ['python'],
      gpus: false,
      taskConcurrency: false,
      sharesFiles: false,
      recordsEachTry: false,
      retriesEachType: false,
      exactLogs: false,
      memory: '1GB',
      timeout: '4s',
      longestText: 400_000,
    },
  );
});
