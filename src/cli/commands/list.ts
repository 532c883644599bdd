/** `dl_jobs list`: the job functions of the project. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DlJobsError, describeValue, UsageError } from '../../base/errors.js';
import { loadSettings } from '../../config/load.js';
import { moduleFolder, moduleSignatures } from '../../job/job-function.js';
import { dlsRootOf } from '../../job/prepare.js';
import { allModules, findModule } from '../../snapshot/find-module.js';
import { resolveInterpreter } from '../../worker/host-command.js';
import { usageLine } from '../../snapshot/signature.js';
import type { Io } from '../io.js';
import type { ParsedCommand } from '../tokenize.js';

/** Runs `dl_jobs list`. @returns the exit code. */
export async function runCommand({ words }: ParsedCommand, io: Io): Promise<number> {
  if (words[0] !== undefined) {
    throw new UsageError('USAGE', `expected no words after list, got ${describeValue(words[0])}`, {
      hint: `For one function: \`dl_jobs run ${words[0]} --help\`.`,
    });
  }
  const settings = await loadSettings(io);
  const folder = moduleFolder(settings);
  const rows: { usage: string; doc: string }[] = [];
  for (const module of existsSync(folder) ? allModules(folder) : []) {
    try {
      const found = findModule(folder, module);
      const python = resolveInterpreter(settings.values.python, settings.project.root);
      for (const signature of await moduleSignatures(join(folder, found.file), dlsRootOf(settings), python)) {
        rows.push({
          usage: usageLine(signature, `${module}.${signature.name}`),
          doc: signature.docFirstLine,
        });
      }
    } catch (error) {
      if (!(error instanceof DlJobsError)) throw error;
      io.stderr.write(`warning: ${module} is left out: ${error.message}\n`);
    }
  }
  if (rows.length === 0) {
    io.stderr.write(
      `no job functions in ${folder}\n  They are exported functions of the modules there; \`dl_jobs init\` makes a small project to begin from.\n`,
    );
    return 0;
  }
  const width = Math.min(60, Math.max(...rows.map((row) => row.usage.length)));
  for (const { usage, doc } of rows)
    io.stdout.write(`${doc === '' ? usage : `${usage.padEnd(width)}  ${doc}`}\n`);
  return 0;
}
