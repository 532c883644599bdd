// The conformance server for manual use, until it is stopped by Ctrl-C.
//
//   node test/support/earthone/serve.mjs [--option value]…    options as in options.ts: --concurrency 4 --latency 20
//
// Prints lines for a shell: export EARTHONE_…
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importBundled } from '../bundled.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { startServer } = await importBundled(join(here, '../earthone-server.ts'));
const options = {};
const words = process.argv.slice(2);
for (let i = 0; i < words.length; i += 2) {
  const [name, value] = [words[i], words[i + 1]];
  if (!/^--\w+$/.test(name) || value === undefined) {
    console.error(`expected --option value, got ${words.slice(i).join(' ')}`);
    process.exit(2);
  }
  try {
    options[name.slice(2)] = JSON.parse(value);
  } catch {
    options[name.slice(2)] = value;
  }
}
const server = await startServer(options);
for (const [name, value] of Object.entries(server.env)) console.log(`export ${name}='${value}'`);
const stop = async () => {
  await server.stop();
  process.exit(0);
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
