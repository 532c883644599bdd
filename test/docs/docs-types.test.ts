import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, expect, it } from 'vitest';
import { allPages, ROOT } from './markdown.js';
import { writeProjectFile } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'dl-jobs-types-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** TypeScript keeps paths as given; this is where each checked file comes from. */
const origins = new Map<string, string>();

function writeTypeScript(): void {
  writeProjectFile(folder, 'package.json', '{"type":"module"}');
  for (const page of allPages()) {
    for (const block of page.blocks) {
      if (block.language !== 'ts' || block.shownOnly) continue;
      const name = block.file ?? `snippet/line-${block.line}.ts`;
      let path = join(page.path.replaceAll('/', '-'), String(block.project), name);
      // A page may show a file twice; each version is checked.
      if (origins.has(join(folder, path))) path = path.replace(/\.ts$/, `.line-${block.line}.ts`);
      writeProjectFile(folder, path, block.file === null ? `${block.text}export {};\n` : block.text);
      origins.set(join(folder, path), `${page.path}:${block.line}`);
    }
  }
}

it('every TypeScript block of the docs type-checks against the public API', { timeout: 300_000 }, () => {
  writeTypeScript();
  const program = ts.createProgram([...origins.keys()], {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
    paths: { 'dl-jobs': [join(ROOT, 'src/index.ts')], 'dl-jobs/earthone': [join(ROOT, 'src/earthone.ts')] },
  });
  const problems = ts.getPreEmitDiagnostics(program).flatMap((problem) => {
    const origin = origins.get(problem.file?.fileName ?? '');
    const line = problem.file && ts.getLineAndCharacterOfPosition(problem.file, problem.start ?? 0).line + 1;
    const text = ts.flattenDiagnosticMessageText(problem.messageText, '\n');
    return origin !== undefined || !problem.file ? [`${origin} +${line}: ${text}`] : [];
  });
  expect(origins.size).toBeGreaterThan(10);
  expect(problems).toEqual([]);
});
