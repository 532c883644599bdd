/** A run at a glance, as people read it. */
import { formatElapsed, formatTime } from '../base/timer.js';
import { duration, milliseconds, plural } from '../job/summary-text.js';
import type { Percentiles, RunReport } from '../outputs/run-report.js';
import type { Paint } from './colors.js';
import { firstLine, printable } from './printable.js';
import { alignColumns } from './table.js';

/** More hosts than this are counted; `--json` has them all. */
const MAX_HOSTS = 16;
const SLOWEST = 5;
const MAX_NAMES = 8;

const same = (text: string): string => text;

/** The colour of a status: green for what went well, red for errors, yellow for what somebody should look at. */
export function statusPaint(
  { status, errors }: { readonly status: string; readonly errors?: number },
  { green, red, yellow, cyan }: Paint,
): (text: string) => string {
  if (status === 'damaged' || status === 'unreadable' || status === 'stalled') return red;
  if (status === 'running') return cyan;
  if (status === 'finished') return (errors ?? 0) > 0 ? red : green;
  return status === 'preparing' || status === 'queued' ? same : yellow;
}

/** `2026-11-23 17:14:55`, where the user is. */
export function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Lines, without newlines. */
export function statusLines(report: RunReport, paint: Paint, now: number): string[] {
  const { counts, status } = report;
  const colour = statusPaint({ status, errors: counts.errors }, paint);
  const reason = report.reason === null ? '' : `: ${firstLine(report.reason)}`;
  const rows: [string, string][] = [
    ['job', jobText(report)],
    ['tasks', tasksText(report)],
  ];
  const add = (name: string, ...values: readonly (string | null)[]): void => {
    for (const value of values) if (value !== null) rows.push([name, value]);
  };
  add('rate', rateText(report));
  add('started', startedText(report));
  add('task time', percentilesText(report.taskMs, milliseconds));
  add(
    'memory',
    percentilesText(report.memoryMiB, (n) => `${Math.round(n)} MiB`),
  );
  add('slowest', slowestText(report));
  add('failures', ...failureLines(report));
  add('queue', ...queueLines(report));
  add('hosts', ...hostLines(report, paint, now));
  add('controller', controllerText(report));
  if (report.rounds.length > 1) add('rounds', ...report.rounds.map(roundText));
  add('results', report.outputs.results);
  add('errors', report.outputs.errors);
  add('log', report.outputs.log);
  add('run', report.path);
  add('next', ...report.next);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `${report.id}  ${colour(status)}${reason}`,
    ...rows.map(([name, value], at) => {
      const label = rows[at - 1]?.[0] === name ? '' : name;
      return `  ${label.padEnd(width)}  ${value}`;
    }),
  ];
}

function jobText({ job, platform, groupIndex, groupSize, group, round, kind }: RunReport): string {
  const which = round > 1 ? `, round ${round} (${kind})` : '';
  const place = groupSize > 1 ? `, job ${groupIndex + 1} of ${groupSize} of ${group}` : '';
  return `${printable(job)} on ${platform}${which}${place}`;
}

function tasksText({ counts, percent }: RunReport): string {
  const { done, total, ok, errors } = counts;
  const of = total === null ? `${done} done, of a list that has not ended` : `${done} of ${total}`;
  const share = percent === null ? '' : ` (${percent}%)`;
  return `${of}${share}: ${ok} ok, ${errors} ${plural('error', errors)}`;
}

function rateText({ rate, etaMs }: RunReport): string | null {
  if (rate === null) return null;
  const shown = `${rate >= 10 ? Math.round(rate) : rate.toPrecision(2)} tasks/s`;
  return etaMs === null ? shown : `${shown}, ETA ${formatElapsed(etaMs)}`;
}

function startedText({ started, ended, durationMs }: RunReport): string | null {
  if (started === null) return null;
  const end = ended === null ? '' : `, ended ${formatTime(Date.parse(ended))}`;
  return `${formatTime(Date.parse(started))}${end}, worked ${duration(durationMs)}`;
}

function percentilesText(percentiles: Percentiles | null, show: (n: number) => string): string | null {
  if (percentiles === null) return null;
  const { p50, p95, max } = percentiles;
  return `p50 ${show(p50)}, p95 ${show(p95)}, max ${show(max)}`;
}

function slowestText({ slowest }: RunReport): string | null {
  if (slowest.length === 0) return null;
  return slowest
    .slice(0, SLOWEST)
    .map(({ task, ms }) => `task ${task} ${milliseconds(ms)}`)
    .join(', ');
}

function failureLines({ failures }: RunReport): string[] {
  return failures.map(({ failure, count, example }) => {
    if (example === null) return `${count} ${failure}`;
    const type = example.type === null ? '' : `${printable(example.type)}: `;
    return `${count} ${failure}, such as task ${example.task}: ${type}${firstLine(example.message)}`;
  });
}

/** What waits and why, and what runs where, as the platform's scheduler says. */
function queueLines({ queue, platform }: RunReport): string[] {
  if (queue === null) return [];
  const { pending, running, why, startsAt, nodes, jobs, silentMs, kind = 'job', piece = 'worker' } = queue;
  const start = startsAt === null ? '' : `, the next about ${formatTime(startsAt)}`;
  const where = nodes.length === 0 ? '' : ` on ${shortList(nodes)}`;
  const lines = [
    `${running} ${plural(piece, running)} ${running === 1 ? 'runs' : 'run'}${where}` +
      (pending === 0 ? '' : `, ${pending} ${pending === 1 ? 'waits' : 'wait'}${start}`),
    ...why,
    ...(jobs.length === 0 ? [] : [`${platform} ${plural(kind, jobs.length)} ${shortList(jobs)}`]),
  ];
  if (silentMs > 0)
    lines.push(`${platform} has not answered for ${duration(silentMs)}: this is what it said before`);
  return lines;
}

/** All of a short list, the beginning of a long one. */
function shortList(items: readonly string[]): string {
  const more = items.length - MAX_NAMES;
  return items.slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function hostLines({ hosts, controller }: RunReport, { yellow }: Paint, now: number): string[] {
  // What stands out first: those that are stopped, then those that are at one task for longest.
  const order = [...hosts].sort(
    (a, b) =>
      Number(b.state === 'stopped') - Number(a.state === 'stopped') ||
      sinceOf(a.since, now) - sinceOf(b.since, now) ||
      a.host - b.host,
  );
  const lines = alignColumns(
    order
      .slice(0, MAX_HOSTS)
      .map(({ node, pid, state, task, tasks, since, memoryMiB }) => [
        ...(order.some((one) => one.node !== null) ? [node ?? ''] : []),
        `pid ${pid}`,
        state === 'stopped' ? 'STOPPED' : state,
        task === null ? '' : `task ${task}${tasks > 1 ? ` (and ${tasks - 1} more)` : ''}`,
        since === null ? '' : `for ${duration(Math.max(0, now - Date.parse(since)))}`,
        memoryMiB === null ? '' : `${memoryMiB} MiB`,
      ]),
  ).map((line, at) => (order[at]?.state === 'stopped' ? yellow(line) : line));
  if (hosts.length > MAX_HOSTS) lines.push(`and ${hosts.length - MAX_HOSTS} more`);
  if (hosts.some(({ state }) => state === 'stopped') && controller !== null) {
    lines.push(`a stopped process goes on after \`kill -CONT PID\` on ${controller.host}`);
  }
  return lines;
}

function sinceOf(since: string | null, now: number): number {
  return since === null ? now : Date.parse(since);
}

function controllerText({ controller }: RunReport): string | null {
  if (controller === null) return null;
  const { host, pid, since } = controller;
  return `process ${pid} on ${host}, since ${formatTime(Date.parse(since))}`;
}

function roundText({ round, kind, started, codeIsNew, code, tasks }: RunReport['rounds'][number]): string {
  const which = tasks === null ? '' : `, ${tasks} ${plural('task', tasks)}`;
  const changed = codeIsNew ? `, new code ${code}` : '';
  return `${round} ${kind}, ${formatTime(Date.parse(started))}${which}${changed}`;
}
