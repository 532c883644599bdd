"""
The other half of this package: the ``dl_jobs`` command, which runs the jobs.

``ask`` starts one for a request, and talks with it in lines of JSON over two pipes. The request goes first:
``{"do": "run" | "call" | "values" | "print_logs", …}``. The command may ask for elements of the argument list,
``{"job": 0, "n": 500}``, and gets ``{"n": k, "end": bool}`` and k lines. It may send what tasks came to,
``{"t": index, "v": value}``. Last comes ``{"done": [summary …]}`` or ``{"failed": {"code", "message", "hint"}}``.
"""

import codecs
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading

from ._elements import Elements, answer_of, encoded
from .errors import DLJobsError, error_of

_HERE = os.path.dirname(os.path.abspath(__file__))


def command():
    """The words that start the command: the one that this package came with, else ``dl-jobs`` of the PATH."""
    beside = os.path.join(os.path.dirname(os.path.dirname(_HERE)), 'dist', 'cli', 'bin.js')
    if os.path.exists(beside):
        node = shutil.which('node')
        if node is None:
            raise DLJobsError(
                'NODE_MISSING', 'expected `node` on the PATH, found none', 'Install Node.js 20.19 or later.'
            )
        return [node, beside]
    found = shutil.which('dl-jobs')
    if found is None:
        raise DLJobsError(
            'CORE_MISSING',
            'expected the command `dl-jobs` on the PATH, found none',
            'Install it with `npm install --global dl-jobs`.',
        )
    return [found]


def environment():
    """Ours; tasks and job functions run in this interpreter, unless the project has another."""
    return dict(os.environ, DL_JOBS_CALLING_PYTHON=sys.executable or '')


def capture(words, code):
    """What the command prints, to stdout and to stderr. Raises what it says went wrong; ``code`` where it names none."""
    child = subprocess.Popen(
        command() + words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    out, err = (printed.decode('utf-8', 'replace') for printed in child.communicate())
    if child.returncode != 0:
        raise error_of(err, code)
    return out, err


class _Interrupts(object):
    """
    Ctrl-C while the command works: it is told, and ends in order; at the second time it ends at once.

    The command is in a session of its own, so that a terminal does not tell it as well.
    """

    def __init__(self, child):
        self.count = 0
        # True: code of the user's runs, which may take long and must be left.
        self.in_user_code = False
        self._child = child
        self._before = None

    def __enter__(self):
        try:
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        except ValueError:
            # Not the main thread, which is the only one that signals come to.
            self._before = None
        return self

    def __exit__(self, *_):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def tell(self):
        self.count += 1
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)

    def _on_signal(self, *_):
        self.tell()
        if self.in_user_code:
            raise KeyboardInterrupt()


class _Copy(object):
    """Hands what the command prints on to a stream that is no file of ours: a notebook's, a test's."""

    def __init__(self, pipe, stream):
        self._pipe = pipe
        self._stream = stream
        self._has_ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.daemon = True
        self._thread.start()

    def _run(self):
        decoder = codecs.getincrementaldecoder('utf-8')('replace')
        with self._pipe:
            while True:
                ready, _, _ = select.select([self._pipe], [], [], 0.1)
                if not ready:
                    # Something that a job function has left running may hold the other end for long.
                    if self._has_ended:
                        return
                    continue
                data = os.read(self._pipe.fileno(), 65536)
                self._write(decoder.decode(data, not data))
                if not data:
                    return

    def _write(self, text):
        """A stream that takes it no more, or not these characters, must not stop the command."""
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                self._stream.write(text.encode('ascii', 'backslashreplace').decode('ascii'))
            self._stream.flush()
        except Exception:
            pass

    def wait(self):
        self._has_ended = True
        self._thread.join()


def _target(stream, number):
    """Where the command prints: None, where we do; a pipe, for a stream that is no file; nowhere, without a stream."""
    if stream is None:
        return subprocess.DEVNULL
    try:
        if stream.fileno() == number:
            stream.flush()
            return None
    except (AttributeError, OSError, ValueError):
        pass
    return subprocess.PIPE


def _pipe():
    """Both ends above the standard descriptors, which may be closed and would be taken for those of the command."""
    ends = []
    for fd in os.pipe():
        ends.append(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) if fd < 3 else fd)
        if fd < 3:
            os.close(fd)
    return ends


def ask(request, elements=None, on_value=None):
    """
    Has a command do what ``request`` says, and returns the summaries.

    ``elements``: the argument list, gone through as far as it is asked for. ``on_value(line)`` gets what tasks came
    to. Raises DLJobsError; what the argument list raises; KeyboardInterrupt after Ctrl-C, once all is in order.
    """
    loading = getattr(sys, LOADING, None)
    if loading is not None:
        raise DLJobsError(
            'JOB_INVALID',
            '%s runs a job while a task process imports it, which would begin again there' % loading,
            "Put what starts the job under `if __name__ == '__main__':`.",
        )
    words = command()
    from_us, to_core = _pipe()
    from_core, from_them = _pipe()
    targets = _target(sys.stdout, 1), _target(sys.stderr, 2)
    try:
        child = subprocess.Popen(
            words + ['guest', str(from_us), str(from_them)],
            pass_fds=(from_us, from_them),
            stdin=subprocess.DEVNULL,
            stdout=targets[0],
            stderr=targets[1],
            env=environment(),
            start_new_session=True,
        )
    except BaseException:
        os.close(to_core)
        os.close(from_core)
        raise
    finally:
        os.close(from_us)
        os.close(from_them)
    copies = [
        _Copy(pipe, stream)
        for pipe, stream in ((child.stdout, sys.stdout), (child.stderr, sys.stderr))
        if pipe is not None
    ]
    talk = _Talk(os.fdopen(to_core, 'wb', 0), os.fdopen(from_core, 'r', encoding='utf-8', newline='\n'))
    with _Interrupts(child) as interrupts:
        try:
            last = talk.all(request, elements, on_value, interrupts)
        finally:
            # It hears that nobody is there any more, and ends in order.
            talk.close()
            status = child.wait()
            for copy in copies:
                copy.wait()
    if interrupts.count > 0:
        raise KeyboardInterrupt()
    if talk.raised is not None:
        raise talk.raised
    if last is None:
        how = 'signal %d' % -status if status < 0 else 'exit code %d' % status
        raise DLJobsError(
            'CORE_ENDED', 'the dl_jobs command ended without an answer (%s)' % how, '`dl_jobs resume` goes on with its run.'
        )
    if 'failed' in last:
        failed = last['failed']
        raise DLJobsError(failed['code'], failed['message'], failed['hint'])
    return last['done']


# Name in ``sys`` of what a host has set while it imports the module of a task.
LOADING = '_dl_jobs_loading'


class _Talk(object):
    """The two pipes to a command."""

    def __init__(self, requests, answers):
        self._requests = requests
        self._answers = answers
        # What the argument list raised.
        self.raised = None

    def all(self, request, elements, on_value, interrupts):
        """Asks, and gives elements until the command has said all; its last line, or None if it was cut off."""
        page = None if elements is None else Elements(elements)
        self._send([json.dumps(request)])
        for line in self._answers:
            if line.startswith('{"t":'):
                on_value(line)
                continue
            wanted = json.loads(line)
            if 'job' not in wanted:
                return wanted
            try:
                interrupts.in_user_code = True
                lines = page.answer(wanted['n'])
                interrupts.in_user_code = False
            except KeyboardInterrupt:
                interrupts.in_user_code = False
                # The command ends in order, without these. It may not know: the list may have caught it, and raised it.
                if interrupts.count == 0:
                    interrupts.tell()
            except BaseException as error:
                interrupts.in_user_code = False
                self.raised = error
                self._send([answer_of(error)])
            else:
                self._send(lines)
        return None

    def _send(self, lines):
        data = memoryview(b''.join(encoded(line) for line in lines))
        try:
            while data:
                data = data[self._requests.write(data) :]
        except OSError:
            # It has gone, and may have said all that it had to say: that is read on.
            pass

    def close(self):
        for pipe in (self._requests, self._answers):
            try:
                pipe.close()
            except OSError:
                pass
