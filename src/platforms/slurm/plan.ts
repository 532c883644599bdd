/** What a first round would ask of Slurm. Slurm is asked what it allows, and given nothing. */
import { formatDuration } from '../../base/sizes.js';
import type { PlanContext, PlannedChunks, PlannedLimit, PlatformPlan } from '../../contract/plan.js';
import type { JobSpec } from '../../contract/spec.js';
import { cutChunks } from '../../store/chunks.js';
import { askPartitions, namedPartitions, type Partition } from './partitions.js';
import {
  arrayArguments,
  arraySizes,
  elementsFor,
  jobName,
  tasksPerElement,
  workerScript,
} from './request.js';
import { askSite, STOCK_SITE, type SlurmSite } from './site.js';
import { testOnly } from './test-only.js';

/** Who asks for a plan does not want to wait for a controller that is away. */
const PATIENCE_MS = 15_000;

export async function planRound(context: PlanContext): Promise<PlatformPlan> {
  const { spec, tasks, dir, projectRoot, runId } = context;
  const env = { ...process.env, ...context.env };
  const site = await askSite(env, PATIENCE_MS);
  const elements = elementsFor(spec, tasks);
  const sizes = arraySizes(elements, (site ?? STOCK_SITE).mostElements);
  const script = workerScript(spec, { dir, round: 1, projectRoot });
  const requests = sizes.map((size, at) =>
    arrayArguments(spec, { name: jobName(runId, 1, at + 1), dir, elements: size }),
  );
  const partitions = site === null ? null : await askPartitions(env, PATIENCE_MS);
  const [first] = requests;
  const verdict =
    site === null || first === undefined ? null : await testOnly(first, script, env, PATIENCE_MS);
  const each = tasksPerElement(spec);
  return {
    workers:
      `${elements} ${elements === 1 ? 'worker' : 'workers'} in ${sizes.length} ${sizes.length === 1 ? 'array' : 'arrays'}` +
      (each === 1 ? '' : `, each with ${each} tasks at a time`),
    chunks: chunksOf(spec, tasks),
    script,
    submissions: requests.map((args, at) => ({ elements: sizes[at] ?? 0, command: ['sbatch', ...args] })),
    limits: [
      ...siteLimits(site, elements),
      ...partitionLimits(spec, partitions),
      ...(verdict === null
        ? []
        : [
            {
              name: 'sbatch',
              text: verdict.kind === 'refused' ? verdict.error.message : verdict.text,
              isHit: verdict.kind !== 'taken',
            },
          ]),
    ],
    refusal: verdict?.kind === 'refused' ? verdict.error : null,
  };
}

function siteLimits(site: SlurmSite | null, elements: number): PlannedLimit[] {
  if (site === null) {
    const text = `does not answer; arrays are cut to ${STOCK_SITE.mostElements} workers, as most sites have it`;
    return [{ name: 'Slurm', text, isHit: true }];
  }
  const { mostElements, mostJobs } = site;
  return [
    {
      name: 'MaxArraySize',
      text: `${mostElements} workers in an array`,
      isHit: elements > mostElements,
    },
    {
      name: 'MaxJobCount',
      text: `${mostJobs} jobs in the queue, those of all users`,
      isHit: elements > mostJobs,
    },
  ];
}

function chunksOf(spec: JobSpec, tasks: number): PlannedChunks {
  const table = cutChunks({ of: tasks, work: null, shuffle: null, most: null }, spec.slurm.maxWorkers);
  const sizes = table.bounds.slice(1).map((end, at) => end - (table.bounds[at] ?? 0));
  return {
    count: sizes.length,
    largest: sizes.reduce((a, b) => Math.max(a, b), 0),
    smallest: sizes.reduce((a, b) => Math.min(a, b), sizes[0] ?? 0),
  };
}

function partitionLimits({ slurm }: JobSpec, all: readonly Partition[] | null): PlannedLimit[] {
  if (all === null) return [];
  const { found, missing } = namedPartitions(all, slurm.partition);
  return [
    ...missing.map((name) => ({ name: `partition ${name}`, text: 'there is none', isHit: true })),
    ...found.map((partition) => ({
      name: `partition ${partition.name}`,
      text: partitionText(partition, slurm.time),
      isHit:
        partition.state !== 'UP' ||
        (slurm.time !== null && partition.mostSeconds !== null && slurm.time > partition.mostSeconds),
    })),
  ];
}

/** What a partition is and allows, in a sentence. */
export function partitionText(partition: Partition, time: number | null): string {
  const { state, nodes, mostSeconds, defaultSeconds } = partition;
  const given = defaultSeconds ?? mostSeconds;
  return [
    ...(state === 'UP' ? [] : [`it is ${state}`]),
    `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`,
    mostSeconds === null ? 'no limit of time' : `at most ${formatDuration(mostSeconds)}`,
    ...(time === null && given !== null
      ? [`a worker gets ${formatDuration(given)}, for \`time\` is not set`]
      : []),
    ...(time === null ? [] : [`a worker asks for ${formatDuration(time)}`]),
  ].join(', ');
}
