/** Runs waiting jobs in Python processes. */
import { readFileSync } from 'node:fs';
import { family, type Child, type Ran } from './child.js';
import { ENDED, type Fn, type Job, type JobStatus } from './model.js';
import { Pool } from './pool.js';
import { count, resultKey, type World } from './world.js';

const PAGE = 4096;
/** Milliseconds between a signal that asks and one that kills. */
const GRACE = 200;

interface Running {
  readonly job: Job;
  readonly child: Child;
  readonly begun: number;
  /** Why it was killed by us. */
  killed: 'timeout' | 'cancel' | 'preempt' | 'memory' | null;
  /** Its outcome is thrown away, as if the machine had gone before it was told. */
  readonly forget: boolean;
  readonly timers: NodeJS.Timeout[];
}

export class Executor {
  readonly #world: World;
  readonly #running = new Map<string, Running>();
  readonly #pool: Pool;
  /** Functions that have waiting jobs, the one whose turn it is first. */
  readonly #turns = new Set<Fn>();
  readonly #watch: NodeJS.Timeout;
  #scheduled = false;
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
    this.#pool = new Pool(world);
    this.#watch = setInterval(() => this.#watchMemory(), 100);
    this.#watch.unref();
  }

  /** The job waits for its turn. */
  enqueue(job: Job): void {
    if (!job.queued) {
      job.queued = true;
      job.fn.waiting.push(job);
    }
    this.wake(job.fn);
  }

  /** Something about the function changed: its jobs may run now. */
  wake(fn: Fn): void {
    if (fn.waiting.peek() !== undefined) this.#turns.add(fn);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#fill();
    });
  }

  #fill(): void {
    let full = false;
    while (!full && this.#running.size < this.#world.options.concurrency) {
      full = true;
      for (const fn of this.#turns) {
        if (this.#running.size >= this.#world.options.concurrency) return;
        const job = fn.status === 'ready' && fn.running < fn.maximum_concurrency ? this.#take(fn) : undefined;
        if (fn.waiting.peek() === undefined || fn.deleted) this.#turns.delete(fn);
        if (job === undefined) continue;
        // The others come first next time.
        if (this.#turns.delete(fn)) this.#turns.add(fn);
        this.#start(job);
        full = false;
        break;
      }
    }
  }

  #take(fn: Fn): Job | undefined {
    for (;;) {
      const job = fn.waiting.shift();
      if (job === undefined) return undefined;
      job.queued = false;
      if (job.status === 'pending' && !job.deleted) return job;
    }
  }

  #start(job: Job): void {
    const world = this.#world;
    const { faults, options } = world;
    job.executions++;
    job.tries++;
    count(world.counters.executions, job.id);
    job.started = world.clock.now();
    job.completed = null;
    job.log = [];
    job.fn.running++;
    world.setStatus(job, 'running');
    const { child, key } = this.#pool.take(job);
    const preempted = faults.chance(faults.preempt);
    const run: Running = {
      job,
      child,
      begun: Date.now(),
      killed: null,
      forget: preempted && faults.chance(0.5),
      timers: [],
    };
    this.#running.set(job.id, run);
    const { args, kwargs } = job;
    child.run(
      // As one line: line ends in JSON are never inside a string.
      `{"args":${args ?? 'null'},"kwargs":${kwargs ?? 'null'}}`.replace(/[\r\n]+/g, ' '),
      (text) => job.log.push({ at: world.clock.now(), text }),
      (ran) => this.#done(run, key, ran),
    );
    run.timers.push(
      setTimeout(() => this.#kill(run, 'timeout', 'SIGKILL'), job.fn.timeout * options.timeoutUnit),
    );
    if (preempted && !run.forget) {
      run.timers.push(setTimeout(() => this.#kill(run, 'preempt', 'SIGKILL'), faults.between(0, 60)));
    }
  }

  #kill(run: Running, why: NonNullable<Running['killed']>, signal: NodeJS.Signals): void {
    if (this.#running.get(run.job.id) !== run || run.killed !== null) return;
    run.killed = why;
    run.child.end(signal);
    if (signal !== 'SIGKILL') run.timers.push(setTimeout(() => run.child.end(), GRACE));
  }

  #done(run: Running, key: string, ran: Ran): void {
    const { job } = run;
    for (const timer of run.timers) clearTimeout(timer);
    this.#running.delete(job.id);
    job.fn.running--;
    if (ran.died) run.child.spent = true;
    this.#pool.rest(run.child, key);
    this.wake(job.fn);
    if (this.#stopped) return;
    const asked = job.status !== 'running';
    // It may have ended by itself just before the signal; then it counts as what it is.
    const killed = ran.died ? run.killed : null;
    if ((run.forget || killed === 'preempt') && !asked) {
      this.#world.counters.preempted++;
      job.tries--;
      this.#world.setStatus(job, 'pending');
      this.enqueue(job);
      return;
    }
    this.#record(run, ran);
    if (killed === 'cancel') this.end(job, 'canceled');
    else if (ran.ok) this.#succeed(job, ran);
    else if (!asked && job.tries <= job.fn.retry_count) {
      this.#world.setStatus(job, 'pending');
      this.enqueue(job);
    } else {
      this.end(job, killed === 'timeout' ? 'timeout' : 'failure');
    }
  }

  #record({ job, killed, begun }: Running, ran: Ran): void {
    const seconds = ran.died ? (Date.now() - begun) / 1000 : ran.wallSeconds;
    job.runtime = Math.round(seconds);
    job.exitCode = ran.ok ? 0 : ran.exit;
    job.errorReason = ran.ok ? null : ran.reason;
    if (ran.died && killed === 'timeout') job.errorReason = `Ran longer than ${job.fn.timeout} s`;
    if (ran.died && killed === 'memory') job.errorReason = 'Out of memory';
    job.statistics = {
      cpuNs: Math.round(ran.cpuSeconds * 1e9),
      cpuPercent: seconds > 0 ? Math.round((ran.cpuSeconds / seconds / job.fn.cpus) * 100) : 0,
      peakBytes: ran.peakBytes,
      peakPercent: Math.round((ran.peakBytes / (job.fn.memory * 1024 * 1024)) * 100),
    };
  }

  #succeed(job: Job, ran: Ran): void {
    if (ran.result === null) this.#world.deleteBlob(resultKey(job));
    else this.#world.putBlob(resultKey(job), ran.result);
    this.end(job, 'success');
  }

  /** The job ended so. */
  end(job: Job, status: JobStatus): void {
    const world = this.#world;
    world.setStatus(job, status);
    job.completed = world.clock.now();
    job.shownFrom = world.faults.stale > 0 ? job.completed + world.faults.stale * 1000 : 0;
    world.lagsUntil = Math.max(world.lagsUntil, job.shownFrom);
    job.fn.ended.push(job);
  }

  /** Its status says what comes of it. */
  cancel(job: Job): void {
    if (job.status === 'pending') {
      this.end(job, 'canceled');
      return;
    }
    const run = this.#running.get(job.id);
    if (job.status !== 'running' || run === undefined) return;
    this.#world.setStatus(job, 'cancel');
    const { cancelDelay } = this.#world.options;
    run.timers.push(
      setTimeout(() => {
        this.#world.setStatus(job, 'canceling');
        run.timers.push(setTimeout(() => this.#kill(run, 'cancel', 'SIGTERM'), cancelDelay));
      }, cancelDelay),
    );
  }

  /** Back to `pending`. */
  rerun(job: Job): void {
    if (!ENDED.has(job.status) || job.status === 'success') return;
    this.#world.setStatus(job, 'pending');
    job.completed = null;
    job.shownFrom = 0;
    job.tries = 0;
    job.exitCode = null;
    job.errorReason = null;
    job.fn.endedIsStale = true;
    this.enqueue(job);
  }

  #watchMemory(): void {
    const now = Date.now();
    for (const run of this.#running.values()) {
      const { pid } = run.child;
      if (now - run.begun < 100 || pid === undefined) continue;
      const most = (this.#world.options.memoryLimit ?? run.job.fn.memory) * 1024 * 1024;
      let used = 0;
      for (const one of family(pid)) used += residentBytes(one);
      if (used > most) this.#kill(run, 'memory', 'SIGKILL');
    }
  }

  get processes(): number[] {
    return this.#pool.processes;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#watch);
    for (const run of this.#running.values()) for (const timer of run.timers) clearTimeout(timer);
    await this.#pool.stop();
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE;
  } catch {
    return 0;
  }
}
