/**
 * The jobs that the benchmark runs: `dl_jobs run bench.noop 100000`. `workers` is the number of tasks at a
 * time, `log` (true or false) whether the log file is written.
 */
import { DLJob } from 'dl-jobs';

/** Not an array and not a count: what a user with a million arguments would write. */
function* numbers(n: number): Generator<number> {
  for (let i = 0; i < n; i++) yield i;
}

function job(method: string, n: string, workers: string, log: string, moduleName = 'tasks.work') {
  return new DLJob({
    moduleName,
    methodName: method,
    argsList: numbers(Number(n)),
    name: method,
    workers: Number(workers),
    saveResults: 'out',
    resultsTimestamp: false,
    noisy: false,
    log: log !== 'false',
  });
}

export function noop(n: string, workers = '2', log = 'true') {
  return job('noop', n, workers, log);
}

export function noop_py(n: string, workers = '2', log = 'true') {
  return job('noop', n, workers, log, 'tasks.work_py');
}

export function big(n: string, workers = '2', log = 'true') {
  return job('big', n, workers, log);
}

export function cpu(n: string, workers = '2', log = 'true') {
  return job('cpu', n, workers, log);
}

/** Eight at a time in one host. */
export function sleep(n: string, _workers = '8', log = 'true') {
  return new DLJob({
    moduleName: 'tasks.work_js',
    methodName: 'sleep',
    argsList: numbers(Number(n)),
    name: 'sleep',
    workers: 8,
    taskConcurrency: 8,
    saveResults: 'out',
    resultsTimestamp: false,
    noisy: false,
    log: log !== 'false',
  });
}

/** One in a thousand fails, in twenty ways. */
export function some_fail(n: string, workers = '2', log = 'true') {
  return job('someFail', n, workers, log);
}

export function one(_n = '1', _workers = '1', log = 'true') {
  return new DLJob({
    moduleName: 'tasks.work',
    methodName: 'noop',
    args: [0],
    name: 'one',
    saveResults: 'out',
    resultsTimestamp: false,
    noisy: false,
    log: log !== 'false',
  });
}
