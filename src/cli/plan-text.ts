/** What `--dry-run` shows of a job. */
import { formatSize } from '../base/sizes.js';
import { shortImage } from '../config/images.js';
import type { PlatformPlan } from '../contract/plan.js';
import type { JobPlan } from '../job/dry-run.js';
import { plural } from '../job/summary-text.js';
import type { Paint } from './colors.js';
import { printable } from './printable.js';
import { shellCommand } from './shell-words.js';

/** Several lines, with a line end after the last. */
export function planText(plan: JobPlan, paint: Paint): string {
  const { spec, list, tasks, snapshot, outputs, platform } = plan;
  const head = `${spec.moduleName}.${spec.methodName}: ${count(tasks)} ${plural('task', tasks)} on ${spec.platform}`;
  const rows: [string, string | null][] = [
    ['function', `${spec.methodName} of ${spec.file} (${spec.language})`],
    ['tasks', tasksText(plan)],
    ['workers', platform?.workers ?? null],
    ['chunks', chunksText(platform)],
    ['image', imageText(plan)],
    ['needs', needsText(plan)],
    ['install', requirementsText(plan)],
    ['variables', spec.env.length === 0 ? null : spec.env.map(variable).join(', ')],
    ['snapshot', `${count(snapshot.files)} ${plural('file', snapshot.files)}, ${formatSize(snapshot.bytes)}`],
  ];
  const width = Math.max(...snapshot.largest.map(({ bytes }) => formatSize(bytes).length));
  const files = snapshot.largest.map(({ file, bytes }): [string, string] => [
    '',
    `${formatSize(bytes).padStart(width)}  ${file}`,
  ]);
  const ends: [string, string | null][] = [
    ['results', outputs.results],
    ['errors', outputs.errors],
    ['log', outputs.log],
    ['run', plan.runFolder],
  ];
  return [
    printable(head),
    ...lines([...rows, ...files, ...ends]),
    ...plan.warnings.map((text) => `  ${paint.yellow(`warning: ${printable(text)}`)}`),
    ...(list.unfinished === null
      ? []
      : [
          `  ${paint.yellow(`the argument list was not followed to its end: ${list.unfinished}; there may be more tasks`)}`,
        ]),
    ...submissionLines(platform, paint),
    '',
  ].join('\n');

  function variable(name: string): string {
    return spec.envGiven.includes(name) ? `${name} (from the job)` : name;
  }
}

/** The same as an object, for programs. Keys are only ever added. */
export function planObject(plan: JobPlan): Record<string, unknown> {
  const { spec, list, platform } = plan;
  return {
    job: `${spec.moduleName}.${spec.methodName}`,
    name: spec.name,
    file: spec.file,
    language: spec.language,
    platform: spec.platform,
    tasks: plan.tasks,
    list,
    workers: platform?.workers ?? null,
    chunks: platform?.chunks ?? null,
    image: spec.image,
    container: spec.container ?? 'none',
    requirements: plan.packages,
    env: spec.env,
    snapshot: plan.snapshot,
    results: plan.outputs.results,
    errors: plan.outputs.errors,
    log: plan.outputs.log,
    run: plan.runFolder,
    submissions: platform?.submissions ?? [],
    script: platform?.script ?? null,
    limits: platform?.limits ?? [],
    warnings: plan.warnings,
  };
}

function lines(rows: readonly (readonly [string, string | null])[]): string[] {
  return rows.flatMap(([name, text]) =>
    text === null ? [] : [`  ${name.padEnd(10)} ${printable(text)}`.trimEnd()],
  );
}

function tasksText({ spec, list, tasks }: JobPlan): string {
  const all = `${count(list.tasks)}${list.unfinished === null ? '' : ' or more'}`;
  const size = list.bytes === null ? '' : `, ${formatSize(list.bytes)} of arguments`;
  const limit = spec.limit === null ? '' : ` (--limit ${spec.limit})`;
  return tasks === list.tasks
    ? `${all}${limit}${size}`
    : `${count(tasks)}, a sample of ${all}${limit}${size}`;
}

function chunksText(platform: PlatformPlan | null): string | null {
  if (platform === null || platform.chunks === null) return null;
  const { count: chunks, largest, smallest } = platform.chunks;
  if (chunks === 0) return '0';
  const sizes =
    largest === smallest
      ? `of ${count(largest)} ${plural('task', largest)} each`
      : `the largest of ${count(largest)} tasks, the smallest of ${count(smallest)}`;
  return `${count(chunks)}, ${sizes}`;
}

function imageText({ spec }: JobPlan): string {
  const { container = 'none' } = spec;
  const image = shortImage(spec.image);
  return container === 'none' ? `${image}, not used: container is none` : `${image}, run by ${container}`;
}

function needsText({ spec }: JobPlan): string {
  const { cpus, gpus, gpuType, policy } = spec;
  return [
    `${cpus} ${plural('core', cpus)}`,
    ...(gpus === 0 ? [] : [`${gpus} ${gpuType === null ? '' : `${gpuType} `}${plural('GPU', gpus)}`]),
    ...(policy.memory === null ? [] : [`${formatSize(policy.memory)} of memory`]),
  ]
    .join(', ')
    .concat(' a task');
}

function requirementsText({ packages }: JobPlan): string | null {
  if (packages === null) return null;
  if (packages.language === 'python') return packages.requirements.join(', ');
  if (packages.specs.length > 0) return packages.specs.join(', ');
  const dependencies = packages.manifest?.['dependencies'];
  const named = typeof dependencies === 'object' && dependencies !== null ? Object.entries(dependencies) : [];
  return named.map(([name, version]) => `${name}@${String(version)}`).join(', ');
}

function submissionLines(platform: PlatformPlan | null, paint: Paint): string[] {
  if (platform === null) return [];
  const { submissions, limits, script } = platform;
  const shown: string[] = [];
  for (const { name, text, isHit } of limits) {
    const line = `  ${'limit'.padEnd(10)} ${name}: ${printable(text)}`;
    shown.push(isHit ? paint.yellow(line) : line);
  }
  for (const { elements, command } of submissions) {
    shown.push(
      '',
      `${elements} ${plural('worker', elements)}:`,
      // A path may hold anything: what is copied from here is to be that path.
      shellCommand(command),
    );
  }
  if (script !== null) shown.push('', 'with this script on its standard input:', script.trimEnd());
  return shown;
}

/** 1,234,567. */
function count(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}
