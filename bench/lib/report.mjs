import { CONTENDERS } from './contenders.mjs';

/** The middle of some numbers (the mean of the two middle ones); NaN of none. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Ratios of two contenders in the rounds that both ended. */
export function ratios(subject, reference, plusMs = 0) {
  const found = [];
  subject.rounds.forEach((ms, round) => {
    const other = reference.rounds[round];
    if (ms !== null && other !== null && other !== undefined) found.push((ms - plusMs) / other);
  });
  return found;
}

/** What a bound says, and whether it holds: `{ text, measured, verdict }` with verdict ok, over or not measured. */
export function judge(bound, row) {
  const subject = row.contenders[bound.subject];
  if (bound.part !== undefined) {
    const [small, large] = (subject?.sizes ?? []).map((size) => median(size[bound.part]));
    return verdict(
      `${bound.part} of ${bound.subject} at most ${bound.max}×`,
      large / small,
      (r) => r <= bound.max,
    );
  }
  const reference = row.contenders[bound.reference];
  const name = (id) => (id === row.reference ? (id === 'floor' ? 'floor' : CONTENDERS[id].label) : id);
  const measured = subject && reference ? median(ratios(subject, reference, bound.plusMs)) : NaN;
  if (bound.min !== undefined) {
    return verdict(
      `at least ${bound.min}× faster than ${name(bound.reference)}`,
      1 / measured,
      (r) => r >= bound.min,
    );
  }
  if (bound.max === undefined) {
    return verdict(`aim: at most ${bound.aim}× ${name(bound.reference)}`, measured, (r) => r <= bound.aim);
  }
  const plus = bound.plusMs === undefined ? '' : ` plus ${bound.plusMs} ms`;
  const aim =
    bound.aim === undefined ? '' : ` (aim ${bound.aim}×: ${measured <= bound.aim ? 'met' : 'not met'})`;
  const judged = verdict(
    `at most ${bound.max}× ${name(bound.reference)}${plus}`,
    measured,
    (r) => r <= bound.max,
  );
  return judged.verdict === 'not measured' ? judged : { ...judged, text: judged.text + aim };
}

function verdict(text, measured, holds) {
  if (Number.isNaN(measured)) return { text, measured: null, verdict: 'not measured' };
  return { text, measured, verdict: holds(measured) ? 'ok' : 'over' };
}

/** The whole report as text: for a terminal, or as Markdown for docs/performance.md. */
export function render(report, markdown) {
  const { machine: m, options } = report;
  const text = [
    `dl-jobs ${m.dlJobs}, ${report.time.slice(0, 10)}: ${m.cores} cores (${m.cpu}), ${m.memoryGB} GB, ${m.kernel}, ` +
      `${m.fileSystem}, Node ${m.node.slice(1)}, Python ${m.python ?? 'none'}, ` +
      Object.entries(m.packages)
        .map(([name, v]) => `${name} ${v ?? 'none'}`)
        .join(', ') +
      `; ${options.workers} workers, ${options.rounds} rounds, load at start ${m.loadAtStart}.`,
  ];
  if (options.quick) text.push('A quick run at a tenth of the size: no figure of it is worth quoting.');
  for (const row of report.rows) {
    text.push('', markdown ? `### ${row.title}` : `== ${row.title}  [${row.id}]`, '');
    text.push(...(row.memory ? memoryTable(row, markdown) : timeTable(row, markdown)), '');
    for (const bound of row.bounds) {
      const measured = bound.measured === null ? '' : ` ${bound.measured.toFixed(2)}×`;
      const word = markdown ? `**${bound.verdict}**` : bound.verdict;
      text.push(`${markdown ? '- ' : '  '}${bound.text}:${measured} ${word}`);
    }
    for (const note of row.notes) text.push(`${markdown ? '- ' : '  '}${note}`);
  }
  return text.join('\n');
}

function timeTable(row, markdown) {
  const reference = row.contenders[row.reference];
  const head = ['', 'median', 'min – max', `× ${row.reference}`, 'peak memory', ''];
  const lines = Object.entries(row.contenders).map(([id, c]) => {
    if (c.status !== 'ok') return [CONTENDERS[id].label, c.status, '', '', '', ''];
    const times = c.rounds.filter((ms) => ms !== null);
    const marks = [
      c.extrapolated ? `extrapolated from ${c.extrapolated.join(' and ')} tasks` : '',
      times.length === 1 && roundsOf(row) > 1 ? '1 round' : '',
    ];
    return [
      CONTENDERS[id].label,
      time(median(times)),
      `${time(Math.min(...times))} – ${time(Math.max(...times))}`,
      reference?.status === 'ok' ? ratio(median(ratios(c, reference))) : '',
      c.memory ? mb(c.memory.tree) : '',
      marks.filter(Boolean).join(', '),
    ];
  });
  return table(head, lines, markdown);
}

/** Rounds of the contender that had most. */
function roundsOf(row) {
  return Math.max(...Object.values(row.contenders).map((c) => c.rounds?.length ?? 0));
}

function memoryTable(row, markdown) {
  const head = ['', ...row.sizes.map((n) => `tree ${short(n)}`), '×'];
  for (const part of ['controller', 'largest child'])
    head.push(...row.sizes.map((n) => `${part} ${short(n)}`), '×');
  const lines = Object.entries(row.contenders).map(([id, c]) => {
    if (c.status !== 'ok') return [CONTENDERS[id].label, c.status, ...Array(8).fill('')];
    const cells = [CONTENDERS[id].label];
    for (const part of ['tree', 'controller', 'host']) {
      const [small, large] = c.sizes.map((size) => median(size[part]));
      cells.push(mb(small), mb(large), small > 0 ? ratio(large / small) : '');
    }
    return cells;
  });
  return table(head, lines, markdown);
}

function table(head, lines, markdown) {
  const widths = head.map((h, i) => Math.max(h.length, ...lines.map((line) => line[i].length)));
  const show = (cells) => cells.map((c, i) => (i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i])));
  if (!markdown) return [head, ...lines].map((cells) => `  ${show(cells).join('  ')}`.trimEnd());
  const rule = widths.map((w, i) =>
    i === 0 ? '-'.repeat(Math.max(3, w)) : '-'.repeat(Math.max(2, w - 1)) + ':',
  );
  return [show(head), rule, ...lines.map(show)].map((cells) => `| ${cells.join(' | ')} |`);
}

function time(ms) {
  if (ms < 1000) return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
  return `${(ms / 1000).toFixed(ms < 100_000 ? 2 : 0)} s`;
}

function ratio(r) {
  return Number.isNaN(r) ? '' : r < 10 ? r.toFixed(2) : r.toFixed(0);
}

function mb(bytes) {
  return bytes > 0 ? `${Math.round(bytes / 2 ** 20)} MB` : '–';
}

function short(n) {
  return n >= 1e6 ? `${n / 1e6}M` : `${n / 1e3}k`;
}
