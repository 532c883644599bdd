/** Whether anything lies about that should not. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { RoundPlan } from './plan.js';
import type { ChaosProject } from './project.js';
import type { Scene } from './scene.js';

/** What a run folder may hold when its run is done. */
const EXPECTED = [
  /^(run|state|checkpoint)\.json$/,
  /^args\/(args\.ndjson|args\.idx|lines\.idx|sealed\.json)$/,
  /^rounds\/\d+\/(round\.json|work\.bits)$/,
  /^journal\/[^/.][^/]*\.(ndjson|idx)$/,
  /^logs\/[^/.][^/]*\.log$/,
  // Where workers run outside the controller.
  /^rounds\/\d+\/(chunks\.json|charged\.json|stop\.json|jobs\.ndjson)$/,
  /^rounds\/\d+\/claims\/((\d+|guard)\.\d+|[^/.][^/]*\.writer)$/,
  /^rounds\/\d+\/workers\/[^/.][^/]*\.(json|gone)$/,
  /^logs\/slurm-[^/]*\.out$/,
  /^tool\/(dist|python)\//,
  /^tool\/package\.json$/,
  // A snapshot links to the rest of the project.
  /^code\/[0-9a-f]+\//,
];

export function strayFiles(project: ChaosProject, plan: RoundPlan, scene: Scene): string[] {
  const inRuns = scene
    .runs()
    .flatMap((dir) => filesBelow(dir, dir).filter((name) => !EXPECTED.some((pattern) => pattern.test(name))));
  const outputs = ['results', 'errors', 'logs'].flatMap((folder) =>
    namesIn(join(project.dir, folder)).map((name) => `${folder}/${name}`),
  );
  const jobs = plan.jobs.length;
  const most = { results: plan.fixedNames ? 2 * jobs : jobs, errors: jobs, logs: plan.log ? jobs : 0 };
  const crowded = Object.entries(most).flatMap(([folder, count]) => {
    const there = outputs.filter((name) => name.startsWith(`${folder}/`));
    return there.length > count ? [`expected ${count} files in ${folder}, got ${there.join(', ')}`] : [];
  });
  return [
    ...inRuns.map((name) => `left in the run folder: ${name}`),
    ...outputs.filter((name) => /\/\.|\.tmp$/.test(name)).map((name) => `left beside the outputs: ${name}`),
    ...crowded,
  ];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Files below `dir`, relative to `root`; links are not followed. */
function filesBelow(dir: string, root: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(path, root);
    return [relative(root, path)];
  });
}
