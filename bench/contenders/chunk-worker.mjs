import * as tasks from '../floor/tasks.mjs';

export default function chunk({ kind, from, to }) {
  const values = [];
  for (let i = from; i < to; i++) values.push(tasks[kind](i));
  return values;
}
