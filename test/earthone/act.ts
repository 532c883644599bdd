/** A function for tests of what becomes of jobs, and a server for a test alone. */
import { startServer, type ServerOptions } from '../support/earthone-server.js';
import { RawClient } from './raw-client.js';

/** Does what its first argument says. */
export const ACT = `
import os, signal, subprocess, sys, time

class Own:
    def serialize(self):
        return b'own \\xff'

def act(what, *rest):
    if what == 'value': return rest[0]
    if what == 'nothing': return None
    if what == 'bytes': return b'\\x00\\xff'
    if what == 'own': return Own()
    if what == 'set': return {1}
    if what == 'large': return b'x' * rest[0]
    if what == 'env': return {k: os.environ.get(k) for k in rest}
    if what == 'fail': raise ValueError('it is ' + rest[0])
    if what == 'exit': os._exit(rest[0])
    if what == 'sys.exit': sys.exit(rest[0])
    if what == 'die': os.kill(os.getpid(), rest[0])
    if what == 'pid': return os.getpid()
    if what == 'sleep': time.sleep(rest[0])
    if what == 'hog':
        kept = bytearray(rest[0] * 1024 * 1024)
        time.sleep(30)
    if what == 'stubborn':
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        other = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(300)'
        child = subprocess.Popen([sys.executable, '-c', other], start_new_session=True, stdout=subprocess.PIPE)
        child.stdout.readline()
        print('stubborn', os.getpid(), child.pid)
        time.sleep(300)
    if what == 'say':
        print('out')
        print('err', file=sys.stderr)
        os.system('echo child; echo child-err >&2')
        sys.stdout.write('no end')
    if what == 'close':
        os.close(1)
        os.close(2)
    if what == 'cd':
        os.chdir('/')
        os.environ['LEFT'] = '1'

main = act
`;

export async function withServer(
  options: ServerOptions,
  use: (client: RawClient) => Promise<void>,
): Promise<void> {
  const server = await startServer(options);
  try {
    await use(new RawClient(server));
  } finally {
    await server.stop();
  }
}
