/** EarthOne Compute: a job becomes a function there, and its tasks jobs of that function. */
import { basename, join } from 'node:path';
import type { Platform, QueueStatus, RoundContext } from '../../contract/platform.js';
import type { JobSpec } from '../../contract/spec.js';
import { readRounds, specOfRound } from '../../store/rounds.js';
import { readRun, runPaths } from '../../store/run-folder.js';
import { writeStop } from '../../store/stop-file.js';
import { EarthOneClient } from './api/client.js';
import { makeBundle, type Bundle } from './bundle.js';
import { cancelJobs } from './cancel.js';
import { countLive } from './collect.js';
import { checkEarthOne } from './checkup.js';
import { clientOptions } from './connection.js';
import { EarthOneRound } from './earthone-round.js';
import { LIVE } from './outcome.js';
import { planRound } from './plan.js';
import { earthOneRequest } from './request.js';
import { forgetRound } from './forget.js';
import { functionOf, type UsedFunction } from './sent.js';
import { queueOf, tagsOf } from './words.js';

export const earthonePlatform: Platform = {
  name: 'earthone',
  capabilities: {
    languages: ['python'],
    gpus: false,
    local: false,
    keepsOutcomes: true,
    installsPackages: true,
    taskKwargs: 'own',
  },

  plan: planRound,
  checkup: checkEarthOne,

  async check(spec, env) {
    earthOneRequest(spec);
    await new EarthOneClient(clientOptions(spec, env)).credentials.source();
  },

  start(context) {
    const { spec, warn } = context;
    const request = earthOneRequest(spec);
    for (const notice of request.notices) context.notice?.(notice);
    const compute = new EarthOneClient({ ...clientOptions(spec, process.env), onWarning: warn });
    return new EarthOneRound(context, { compute, request, bundle: () => bundleOf(context) });
  },

  async look(dir, round): Promise<QueueStatus | null> {
    const there = await connect(dir, round);
    if (there === null) return null;
    const { compute, used, tag } = there;
    return queueOf(used.name, await countLive(compute, used.id, tag));
  },

  async forget(dir) {
    const removed: string[] = [];
    const paths = runPaths(dir);
    for (const { round } of readRounds(paths)) {
      const there = await connect(dir, round);
      if (there !== null) removed.push(...(await forgetRound(there.compute, there.used, basename(dir))));
    }
    return removed;
  },

  async discard(dir, round) {
    const there = await connect(dir, round);
    if (there === null) return;
    const { compute, used, tag } = there;
    writeStop(runPaths(dir), round, 0);
    await cancelJobs(compute, used.id, tag, LIVE, new AbortController().signal);
  },
};

function bundleOf({ spec, code, entry, configRoot, projectRoot, dir, warn }: RoundContext): Bundle {
  const bundle = makeBundle({
    spec,
    code,
    entry,
    projectRoot: configRoot ?? projectRoot,
    dlsRoot: join(dir, '../..'),
  });
  for (const warning of bundle.warnings) warn(warning);
  return bundle;
}

/** Null: the round has no function yet, so no jobs. */
async function connect(
  dir: string,
  round: number,
): Promise<{ readonly compute: EarthOneClient; readonly used: UsedFunction; readonly tag: string } | null> {
  const paths = runPaths(dir);
  const used = functionOf(paths, round);
  if (used === null) return null;
  const file = readRounds(paths).find((one) => one.round === round);
  const spec: JobSpec = specOfRound(readRun(paths).spec, file);
  const compute = new EarthOneClient(clientOptions(spec, process.env));
  return { compute, used, tag: tagsOf(basename(dir), round).run };
}
