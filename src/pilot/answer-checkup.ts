/** `dl_jobs worker --checkup DIR`: tells `dl_jobs doctor` what the machine is like that workers run on. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { answer } from '../store/acquaintance.js';
import { askPython } from '../worker/ask-python.js';
import { lookForTool } from '../worker/container/tools.js';

/** Resolves when the doctor knows enough, or is gone. Throws STORE_FAILED. */
export async function answerCheckup(dir: string): Promise<void> {
  await answer(dir, async ({ python, container, cwd, paths }) => ({
    host: hostname(),
    node: { version: process.versions.node, path: process.execPath },
    python: await askPython(python, existsSync(cwd) ? cwd : dir),
    container: await lookForTool(container),
    gpus: process.env['CUDA_VISIBLE_DEVICES'] ?? null,
    missing: paths.filter((path) => !existsSync(path)),
  }));
}
