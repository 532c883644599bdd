/** What the commands of a real Slurm (22.05) printed, and what is made of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseEnds } from '../../src/platforms/slurm/ends.js';
import { parseHelp } from '../../src/platforms/slurm/options.js';
import { explainEnd, explainReason } from '../../src/platforms/slurm/reasons.js';
import { parseSite } from '../../src/platforms/slurm/site.js';
import { parseQueue } from '../../src/platforms/slurm/squeue.js';

const sample = (name: string): string => readFileSync(new URL(`samples/${name}`, import.meta.url), 'utf8');

describe('the queue', () => {
  const rows = parseQueue(sample('squeue.txt'));
  const row = (id: string) => rows.find((one) => one.id === id);
  const NAME = 'dl_jobs:20261124T140858.327-tasks.t.noop-c465e8:1';

  test('holds the elements of our arrays, each by itself, and nobody else', () => {
    expect(rows.map(({ id }) => id).sort()).toEqual(
      ['1_0', '1_1', '1_2', '2_0', '3_0', '4_0', '4_1', '5_0', '5_1', '6_0']
        .concat(['8_0', '8_1', '8_2', '8_3', '10_0', '11_0'])
        .sort(),
    );
  });

  test('tells states, reasons, nodes and how scripts ended', () => {
    expect(row('1_1')).toEqual({
      id: '1_1',
      job: '1',
      index: 1,
      state: 'FAILED',
      reason: 'NonZeroExitCode',
      node: 'q1',
      startsAt: 1_795_531_461_000,
      restarts: 0,
      exit: { code: 7, signal: 0 },
      name: `${NAME}:1`,
    });
    expect(row('1_0')).toMatchObject({ state: 'COMPLETED', reason: '', exit: { code: 0, signal: 0 } });
    expect(row('3_0')).toMatchObject({ state: 'OUT_OF_MEMORY', exit: { code: 0, signal: 125 } });
    expect(row('5_1')).toMatchObject({ state: 'CANCELLED', exit: { code: 0, signal: 15 } });
    expect(row('6_0')).toMatchObject({ state: 'FAILED', exit: { code: 0, signal: 53 } });
    expect(row('8_0')).toMatchObject({ state: 'RUNNING', node: 'q2', exit: null });
    expect(row('8_3')).toMatchObject({
      state: 'PENDING',
      reason: 'JobArrayTaskLimit',
      node: '',
      startsAt: null,
    });
    expect(row('11_0')).toMatchObject({ state: 'RUNNING', restarts: 1 });
  });

  test('survives names with its own separator and with line ends', () => {
    expect(row('2_0')).toMatchObject({ name: `${NAME}:2|x`, exit: { code: 0, signal: 11 } });
    expect(parseQueue('')).toEqual([]);
    expect(parseQueue('||||||||\n|\nslurm_load_jobs error: x\nCLUSTER: a\n')).toEqual([]);
    const [unicode] = parseQueue('7|0|RUNNING|None|n1|N/A|0|0|dl_jobs:ü "a\' $(b):1|\n');
    expect(unicode?.name).toBe('dl_jobs:ü "a\' $(b):1');
  });

  test('understands times and exit codes as other releases write them', () => {
    const [ended] = parseQueue('7|3|FAILED|None|n1|2026-11-24T14:44:21|2|3:9|dl_jobs:a:1:1|\n');
    expect(ended).toMatchObject({ exit: { code: 3, signal: 9 }, restarts: 2 });
    expect(ended?.startsAt).toBe(new Date(2026, 10, 24, 14, 44, 21).getTime());
  });
});

test('accounting tells how elements ended; those that go on are left out', () => {
  const ends = parseEnds(sample('sacct.txt'));
  expect([...ends.keys()].sort()).toEqual(['1_0', '1_1', '1_2', '2_0', '3_0', '5_1', '6_0', '9_0', '9_1']);
  expect(ends.get('5_1')).toEqual({
    state: 'CANCELLED',
    reason: '',
    exit: { code: 0, signal: 0 },
    node: 'q1',
  });
  // Lost with its node, started anew, and run to its end: what happened last counts.
  const twice =
    '4_0|NODE_FAIL|0:0|n1|None\n4_0|COMPLETED|0:0|n2|None\n5_0|NODE_FAIL|1:0|n1|None\n5_0|RUNNING|0:0|n2|None\n';
  expect([...parseEnds(twice)].map(([id, { state, node }]) => [id, state, node])).toEqual([
    ['4_0', 'COMPLETED', 'n2'],
  ]);
});

describe('the site', () => {
  test('says what it allows', () => {
    expect(parseSite(sample('config.txt'))).toEqual({
      version: '22.05.8',
      mostElements: 1_001,
      mostJobs: 10_000,
      hasAccounting: true,
    });
  });

  test('is taken for stock where it says nothing', () => {
    expect(parseSite('')).toEqual({
      version: '',
      mostElements: 1_001,
      mostJobs: 10_000,
      hasAccounting: false,
    });
    expect(parseSite('MaxArraySize = 20\nMaxJobCount = 10\n').mostElements).toBe(9);
    expect(parseSite('MaxArraySize = 0\nAccountingStorageType = (null)\n')).toMatchObject({
      mostElements: 1,
      hasAccounting: false,
    });
  });
});

test('the help of sbatch tells its options, and which of them need a value', () => {
  const options = parseHelp(sample('sbatch-help.txt'));
  expect(
    Object.fromEntries(
      [...options].filter(([name]) => ['begin', 'hold', 'nice', 'gpus', 'extra-node-info'].includes(name)),
    ),
  ).toEqual({
    begin: true,
    hold: false,
    nice: false,
    gpus: true,
    'extra-node-info': true,
  });
  expect(options.size).toBeGreaterThan(80);
  for (const name of ['exclusive', 'kill-on-bad', '__proto__'])
    expect(options.get(name)).toBe(name === 'exclusive' ? false : undefined);
});

describe('words of Slurm', () => {
  test.each([
    ['Resources', 'in use'],
    ['Priority', 'priority'],
    ['(JobHeldUser)', 'scontrol release'],
    ['ReqNodeNotAvail, UnavailableNodes:n[1-2]', 'drained: n[1-2]'],
    ['(ReqNodeNotAvail, May be reserved for other job)', 'down, reserved'],
    ['QOSMaxGRESPerUser', 'limit of your quality of service on GPUs'],
    ['AssocGrpCpuLimit', 'limit of your account on CPUs'],
    ['AssocGrpCPUMinutesLimit', 'limit of your account on computing time'],
    ['QOSMaxJobsPerUserLimit', 'quality of service on running jobs'],
    ['AssocMaxSubmitJobLimit', 'account on jobs in the queue'],
    ['AssocMaxWallDurationPerJobLimit', 'account on time'],
    ['constructor', 'Slurm says constructor'],
    ['', 'no reason'],
  ])('%s is explained', (reason, words) => {
    expect(explainReason(reason)).toContain(words);
  });

  test('ends are told apart', () => {
    const end = { reason: '', exit: null, node: 'n1' };
    const told = [
      explainEnd({ ...end, state: 'OUT_OF_MEMORY' }),
      explainEnd({ ...end, state: 'TIMEOUT' }),
      explainEnd({ ...end, state: 'NODE_FAIL' }),
      explainEnd({ ...end, state: 'PREEMPTED' }),
      explainEnd({ ...end, state: 'CANCELLED' }),
      explainEnd({ ...end, state: 'GONE' }),
      explainEnd({ ...end, state: 'FAILED', exit: { code: 0, signal: 53 } }),
      explainEnd({ ...end, state: 'FAILED', exit: { code: 0, signal: 9 } }),
      explainEnd({ ...end, state: 'FAILED', exit: { code: 7, signal: 0 } }),
      explainEnd({ ...end, state: 'WHATEVER', reason: 'New' }),
    ];
    expect(new Set(told).size).toBe(told.length);
    expect(told[0]).toContain('memory');
    expect(told[6]).toContain('share');
    expect(told[9]).toContain('WHATEVER (New)');
    expect(explainEnd({ ...end, state: 'FAILED', exit: { code: 81, signal: 0 } }, { 81: 'setup' })).toBe(
      'ended on n1 with exit code 81: setup',
    );
  });
});
