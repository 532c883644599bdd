/** The files of a new project. They are shown to people who see dl-jobs for the first time: keep them short. */
import { generateConfig } from '../../config/generate.js';

const HELLO_JOB = `import { DLJob } from 'dl-jobs';

/** Greets somebody a number of times: dl_jobs run hello Ada times=5 */
export function task(name = 'world', { times = '3' } = {}) {
  return new DLJob({
    moduleName: 'tasks.hello',
    methodName: 'greet',
    argsList: Array.from({ length: Number(times) }, (_, index) => ({ name, index })),
  });
}
`;

const HELLO_TASK = `/** Called once for each element of the job's argsList; what it returns is one line of the results file. */
export function greet({ name, index }: { name: string; index: number }) {
  return { index, greeting: \`Hello, \${name}!\` };
}
`;

const LETTERS_JOB = `import { DLJob } from 'dl-jobs';

/** Counts the letters of each word given, in Python: dl_jobs run letters apple banana */
export function task(...words: string[]) {
  return new DLJob({
    moduleName: 'tasks.letters',
    methodName: 'count',
    argsList: words.length > 0 ? words : ['apple', 'banana'],
  });
}
`;

const LETTERS_TASK = `"""A task in Python: the standard library is all it needs."""
from collections import Counter


def count(word):
    return {"word": word, "letters": dict(Counter(word))}
`;

/** Paths relative to the new project's root, with their text. */
export function templateFiles(): readonly (readonly [path: string, text: string])[] {
  return [
    ['dl_jobs.config.yaml', generateConfig()],
    ['run/hello.ts', HELLO_JOB],
    ['run/letters.ts', LETTERS_JOB],
    ['tasks/hello.ts', HELLO_TASK],
    ['tasks/letters.py', LETTERS_TASK],
  ];
}

/** What to try next, from the project's root. */
export const NEXT_COMMANDS: readonly string[] = [
  'dl_jobs list',
  'dl_jobs run hello Ada times=5',
  'dl_jobs run letters apple banana',
];
