"""A Python host as the worker drives it: a real process, its log file, a socket pair, and a progress file."""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import zlib

PYTHON = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'python')
HOST = os.path.join(PYTHON, 'dl_jobs', '_host.py')


def wire(socket_fd, progress_fd):
    """In the child: one socket stands for two descriptors of the host; the progress file may be None."""
    # First out of the way of those that are to be taken.
    ours = [None if fd is None else fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (socket_fd, progress_fd)]
    for fd in (3, 4, 5):
        source = ours[fd == 5]
        if source is not None:
            os.dup2(source, fd, inheritable=True)


class HostProcess:
    """A host that runs `source` as module `pkg.tasks` of a project.

    `init`: further fields of the first message. `stdin`: what stands there, for a host that is asked to debug.
    """

    def __init__(self, test, source, method='task', call='each', grouped=False, module='pkg.tasks', files=(),
                 digests='none', stdin=None, **init):  # fmt: skip
        folder = tempfile.TemporaryDirectory(prefix='dl host é ')
        test.addCleanup(folder.cleanup)
        self.root = os.path.join(folder.name, 'code')
        file = os.path.join(self.root, *module.split('.')) + '.py'
        for name, text in list(files) + [(file, textwrap.dedent(source))]:
            path = os.path.join(self.root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as out:
                out.write(text)
        self.log_path = os.path.join(folder.name, 'log')
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(60)
        test.addCleanup(self.socket.close)
        self.progress_file = None
        if init.get('progress'):
            self.progress_file = open(os.path.join(folder.name, 'progress'), 'w+b', buffering=0)
            self.progress_file.truncate(16)
            test.addCleanup(self.progress_file.close)
        progress_fd = self.progress_file and self.progress_file.fileno()
        with open(self.log_path, 'ab') as log, tempfile.TemporaryFile() as typed:
            typed.write((stdin or '').encode())
            typed.seek(0)
            self.process = subprocess.Popen(
                [sys.executable, HOST],
                stdin=typed,
                stdout=log,
                stderr=log,
                close_fds=False,
                preexec_fn=lambda: wire(theirs.fileno(), progress_fd),
                cwd=folder.name,
                env=os.environ if stdin is None else {**os.environ, 'DL_JOBS_INSPECT': '1'},
            )
        theirs.close()
        test.addCleanup(self.stop)
        self.buffer = b''
        self.batches = 0
        self.shared = 0
        self.digests = []
        self.again = []
        self.send(
            type='init', v=1, root=self.root, projectRoot='/home/you/project', file=file, module=module, method=method,
            call=call, grouped=grouped, host=7, digests=digests, concurrency=1,
            **init,
        )  # fmt: skip

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def send(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b'\n')

    def message(self):
        """The next message and its body, or None when the host has closed its end."""
        while b'\n' not in self.buffer:
            data = self.receive()
            if not data:
                return None
        line, _, self.buffer = self.buffer.partition(b'\n')
        header = json.loads(line.decode('utf-8'))
        while len(self.buffer) < header.get('bytes', 0):
            if not self.receive():
                raise AssertionError('the host ended within a message')
        body, self.buffer = self.buffer[: header.get('bytes', 0)], self.buffer[header.get('bytes', 0) :]
        return header, body

    def receive(self):
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b''
        self.buffer += data
        return data

    def ready(self):
        message = self.message()
        assert message is not None and message[0]['type'] == 'ready', (message, self.log())
        return self

    def start(self, lines, first=0, attempt=3):
        self.batches += 1
        body = ''.join(line + '\n' for line in lines).encode('utf-8')
        head = {'type': 'batch', 'id': self.batches, 'round': 2, 'attempt': attempt}
        head.update(tasks=[[first, len(lines)]] if lines else [], bytes=len(body))
        self.socket.sendall(json.dumps(head).encode() + b'\n' + body)

    def finish(self, count=None):
        """Records up to the end of a batch, or of the process; or until there are `count` of them."""
        records = []
        while len(records) != count:
            message = self.message()
            if message is None:
                return records
            header, body = message
            assert header['type'] == 'out', header
            digest = header.get('digest')
            if digest is not None:
                cut = len(body) - digest['results'] - digest['log']
                results, log = body[cut : cut + digest['results']], body[len(body) - digest['log'] :]
                body = body[:cut]
                assert results.count(b'\n') == digest['count'], header
                assert sum(digest['durations'][1::2]) == header['n'], header
                self.digests.append((header['n'], results.decode('utf-8'), log.decode('utf-8')))
            before = len(records)
            for line in body.split(b'\n')[:-1]:
                assert line[:8] == b'{"crc":"' and line[16:18] == b'",', line
                assert int(line[8:16], 16) == zlib.crc32(line[18:]), line
                records += self.ends(json.loads(line.decode('utf-8'), object_pairs_hook=Keyed))
            assert len(records) - before == header['n'], header
            self.again += header.get('again', [])
            if header.get('done'):
                break
        return records

    def ends(self, record):
        """`end` records: an `ends` record stands for `n` of them."""
        if record['k'] == 'end':
            return [record]
        assert record.order == ['crc', 'v', 'k', 't', 'n', 'r', 'a', 'at', 'd', 'values'], record
        assert record['k'] == 'ends' and record['n'] == len(record['values']) > 1, record
        self.shared += 1
        return [
            {'t': record['t'] + i, 's': 'ok', 'r': record['r'], 'a': record['a'], 'd': record['d'], 'value': value}
            for i, value in enumerate(record['values'])
        ]

    def run(self, *args):
        self.start([json.dumps(arg) for arg in args])
        return self.finish()

    def progress(self):
        """Batch, position and start in milliseconds, as the host says."""
        return struct.unpack('<IId', os.pread(self.progress_file.fileno(), 16, 0))

    def log(self):
        with open(self.log_path, 'rb') as file:
            return file.read()

    def logged(self, record):
        host, start, end = record['log']
        assert host == 7
        return self.log()[start:end]


class Keyed(dict):
    """A dict that remembers the order its keys had in the text, also in Python's that would not."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.order = [key for key, _ in pairs]
