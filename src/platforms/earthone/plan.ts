/** What a first round would be on EarthOne; nothing is sent, and nobody asked. */
import type { PlanContext, PlatformPlan } from '../../contract/plan.js';
import { earthOneRequest } from './request.js';

export function planRound({ spec, tasks }: PlanContext): Promise<PlatformPlan> {
  const { image, cpus, memory, timeout, retryCount, maximumConcurrency, notices } = earthOneRequest(spec);
  const atOnce = Math.min(maximumConcurrency, tasks);
  return Promise.resolve({
    workers:
      `${atOnce} ${atOnce === 1 ? 'job' : 'jobs'} at a time of a function with ${image}, ${cpus} cpus and ${memory} MB` +
      (timeout === null ? '' : `, each at most ${timeout} s`) +
      (retryCount === 0 ? '' : `, tried again ${retryCount} times`),
    chunks: null,
    script: null,
    submissions: [],
    limits: notices.map((text, at) => ({ name: `notice ${at + 1}`, text, isHit: true })),
    refusal: null,
  });
}
