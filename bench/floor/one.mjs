/** A node that starts a node and awaits one answer. Usage: node one.mjs OUT */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('one-child.mjs', import.meta.url));
const child = spawn(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
const channel = child.stdio[3];
channel.write('0\n');
channel.once('data', (answer) => {
  writeFileSync(process.argv[2], answer);
  channel.end();
});
