/** Tasks for containers: what they see, how they die, and what they leave behind. */
const MB = 1024 * 1024;

export const CONTAINED_FILES = {
  'run/look.ts': `
    import { DLJob } from 'dl-jobs';
    export function task(module: string) {
      return new DLJob({ moduleName: module, methodName: 'look', argsList: 2, data: [process.env['DATA'] ?? ''] });
    }`,
  'tasks/look.ts': `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { fileURLToPath } from 'node:url';
    import { helper } from './deep/helper.js';
    const text = (path: string) => readFileSync(path, 'utf8').trim();
    export function look(i: number) {
      console.log('out', i);
      console.error('err', i, '日本');
      writeFileSync('made-' + i, 'by a task');
      const { SECRET: secret, HOME: home, DATA: data = '' } = process.env;
      return {
        i: helper(i), image: text('/etc/image'), cwd: process.cwd(), uid: process.getuid?.(), umask: process.umask(),
        secret, home, data: text(data), beside: text(fileURLToPath(new URL('beside.txt', import.meta.url))),
        left: Object.keys(process.env).filter((name) => name.startsWith('dl_jobs')),
      };
    }
    export function many(i: number) { return { i, text: 'x'.repeat(i % 7 === 0 ? 20_000 : 3) }; }`,
  'tasks/deep/helper.ts': 'export const helper = (i: number): number => i * 2;\n',
  'tasks/beside.txt': 'beside the code\n',
  'tasks/look_py.py': [
    'import os',
    'def text(path):',
    '    with open(path) as file:',
    '        return file.read().strip()',
    'def look(i):',
    '    print("out", i)',
    '    os.write(2, b"err\\n")',
    '    with open("made-%d" % i, "w") as file:',
    '        file.write("by a task")',
    '    umask = os.umask(0)',
    '    os.umask(umask)',
    '    return {',
    '        "i": i * 2, "image": text("/etc/image"), "cwd": os.getcwd(), "uid": os.getuid(), "umask": umask,',
    '        "secret": os.environ["SECRET"], "home": os.environ["HOME"], "data": text(os.environ["DATA"]),',
    '        "beside": text(os.path.join(os.path.dirname(__file__), "beside.txt")),',
    '        "left": [name for name in os.environ if name.startswith("dl_jobs")],',
    '    }',
    'def die(i):',
    '    if i == 1:',
    '        os.abort()',
    '    if i == 2:',
    '        os._exit(3)',
    '    return i',
    '',
  ].join('\n'),
  'tasks/bad.ts': `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    const kept: unknown[] = [];
    export function die(i: number) {
      if (i === 1) process.abort();
      if (i === 2) process.exit(7);
      if (i === 3) process.kill(process.pid, 'SIGKILL');
      if (i === 4) { console.log('last words'); process.kill(process.pid, 'SIGSEGV'); }
      return i;
    }
    export function forever(i: number) { if (i === 1) for (;;); return i; }
    export async function large(i: number) {
      if (i === 1) for (let n = 0; n < 2048; n++) { kept.push(Buffer.alloc(${MB}, 1)); if (n % 64 === 0) await new Promise((r) => setTimeout(r, 20)); }
      // Not done before somebody has looked.
      if (i === 1) await new Promise((r) => setTimeout(r, 60_000));
      return i;
    }
    /** A child that outlives its parent, in a session of its own, and a parent that hears nothing. */
    export function family(i: number) {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)', 'orphan of ' + process.env['MARK']], { stdio: 'ignore', detached: true });
      writeFileSync('started-' + i, String(child.pid));
      for (;;);
    }`,
  'tasks/inside.ts': `
    import { readFileSync } from 'node:fs';
    /** Tells the image; outside of one it fails. */
    export function inside(i: number) { return i + ': ' + readFileSync('/etc/image', 'utf8').trim(); }`,
  'five.ndjson': '0\n1\n2\n3\n4\n',
  'two.ndjson': '0\n1\n',
  'one.ndjson': '0\n',
};
