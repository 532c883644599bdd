"""Runs one task on EarthOne Compute, and hands over what became of it: see src/platforms/earthone/.

A bundle's entry point makes `main` of it, which the platform calls once a job. The user's module is loaded by the
first call, not by the entry point: what goes wrong then is told as that job's outcome, with the user's traceback,
where an entry point that fails would be a function that does not work for reasons in some log. The job's own
environment variables are there by then as well.

Outcome: a line of JSON, the head, and the JSON text of the value or error. A task that went well returns it.
"""

import os
import sys

from ._task import GUEST, NATIVE, Fatal, OwnFirst, TaskFunction, exit_code, memory_reserve, peak_memory
from ._values import parse, to_json

with OwnFirst():
    import time
    from binascii import b2a_base64
    from zlib import crc32

FORM = 1
# What a job may return: 1 MB. Whether theirs has 1,024 KB is not known.
PAYLOAD_BYTES = 1000000
# An error that would not fit keeps so many characters of its message, and the last of its stack.
KEPT_TEXT = 50000
# As src/worker/redact.ts.
SHORTEST_SECRET = 4

OUTCOME, MORE = 'dl_jobs-outcome: ', 'dl_jobs-outcome+: '
LINE = 8000


class TaskFailed(Exception):
    """Makes the job a failure for the platform; the outcome was written to stderr."""


def entry(settings):
    """`main` of a bundle: see `WrapperSettings` in src/platforms/earthone/entry-point.ts."""
    wrapper = Wrapper(settings)

    def main(index, argument=None):
        return wrapper.run(index, argument)

    return main


class Wrapper(TaskFunction):
    root = GUEST

    def __init__(self, settings):
        self.settings = settings
        self.file = os.path.join(GUEST, *settings['file'].split('/'))
        self.grouped = settings['grouped']
        # The platform tries every job that fails again, so many times.
        self.retries = settings['retries']
        self.retried = frozenset(settings['retryOn'])
        self.task = None
        self.mask = None
        self.reserve = None

    def run(self, index, argument):
        # The task may leave others there.
        streams = (sys.stderr, sys.__stderr__)
        process, before = os.getpid(), _enter(GUEST)
        try:
            outcome = self.outcome(index, argument)
        finally:
            _enter(before)
        _flush(sys.stdout, sys.stderr)
        if os.getpid() != process:
            os._exit(0)  # a child that the task forked, and that came out of the task function
        if not outcome.failed or (self.retries and not outcome.may_retry):
            return outcome.data
        _write(outcome.data, streams)
        raise TaskFailed(outcome.summary)

    def outcome(self, index, argument):
        if self.reserve is None:
            self.reserve = memory_reserve()
        more = ''
        at, cpu, began = time.time(), time.process_time(), time.perf_counter()
        try:
            if self.task is None:
                self.load()
                at, cpu, began = time.time(), time.process_time(), time.perf_counter()
            value = self.task(argument)
            if type(value) not in NATIVE:
                value = self.finish_awaitable(value)
        except Fatal as fatal:
            failure, text = 'exception', to_json(fatal.error)
            more = ',"fatal":' + to_json(fatal.reason)
            if fatal.names is not None:
                more += ',"names":' + to_json(fatal.names)
        except SystemExit as error:
            code = exit_code(error)
            message = 'the process that ran the task ended with exit code %d' % code
            failure, text = 'crash', to_json({'type': 'Crash', 'message': message, 'exitCode': code})
        except BaseException as error:
            self.reserve = None
            failure, text = self.raised(error)
        else:
            failure = None
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        measured = ',"at":%d,"d":%.3f,"cpu":%.3f%s' % (at * 1000, max(took, 0) * 1000, cpu * 1000, peak_memory())
        if failure is None:
            failure, text = self.returned(value)
        if failure is not None and self.mask is not None:
            text = self.mask(text)
        return Outcome(index, failure, text, measured, more, self.retried)

    def load(self):
        settings = self.settings
        if sys.path[:1] != [self.root]:
            sys.path.insert(0, self.root)
        secrets = _secrets(settings['secrets'])
        if secrets or settings['redact']:
            self.mask = self.hide(secrets + settings['redact'])
        func = self.find(settings['module'], self.file, settings['method'])
        self.task = self.of_one_argument(func, settings['call'], getattr(func, '__dl_expand_args__', False))

    @staticmethod
    def spec_of(name, file):
        """Also in a zip, where files cannot be asked for."""
        from importlib.machinery import PathFinder

        folder, base = os.path.split(file)
        if base == '__init__.py':
            folder = os.path.dirname(folder)
        return PathFinder.find_spec(name, [folder])


class Outcome:
    """`failed`: no value came of it. `may_retry`: it is of a kind that is tried again. `data`: as it travels."""

    def __init__(self, index, failure, text, measured, more, retried):
        data = _encoded(text)
        head = self.head(index, failure, measured, more, data)
        size = len(head) + len(data)
        if size > PAYLOAD_BYTES:
            if failure is None or failure == 'returned':
                failure, text = 'invalid', _too_large(size)
            else:
                text = to_json({key: _cut(key, part) for key, part in parse(text).items()})
            data = _encoded(text)
            head = self.head(index, failure, measured, more, data)
        self.data = head + data
        self.failed = failure is not None
        self.may_retry = failure in retried and not more
        # In one line: what is told of the exception in the job's log ends with it.
        self.summary = ' '.join(_summary(failure, text).split()) if self.failed else ''

    @staticmethod
    def head(index, failure, measured, more, data):
        status = '"ok"' if failure is None else '"error","ft":"%s"' % failure
        return _encoded(
            '{"v":%d,"t":%s,"s":%s%s%s,"crc":"%08x"}\n' % (FORM, to_json(index), status, measured, more, crc32(data))
        )


def _encoded(text):
    # Lone surrogates, which UTF-8 cannot hold, become JSON escapes.
    return text.encode('utf-8', 'backslashreplace')


def _too_large(size):
    message = 'result: expected at most %s bytes, got %s; store what is larger, and return where it is' % (
        format(PAYLOAD_BYTES, ','),
        format(size, ','),
    )
    return to_json({'type': 'InvalidResult', 'message': message})


def _cut(key, part):
    if not isinstance(part, str) or len(part) <= KEPT_TEXT:
        return part
    return '... ' + part[-KEPT_TEXT:] if key == 'stack' else part[:KEPT_TEXT] + ' ...'


def _summary(failure, text):
    """For who looks at the job without dl_jobs."""
    if failure == 'returned':
        return 'the task returned an error: %.300s' % text
    error = parse(text)
    return '%.100s: %.300s' % (error['type'], error['message'])


def _secrets(names):
    """Sources of expressions that match the values of these environment variables."""
    lines = [line for name in names for line in os.environ.get(name, '').splitlines()]
    lines = [line for line in lines if len(line.strip()) >= SHORTEST_SECRET]
    if not lines:
        return []
    with OwnFirst():
        from re import escape
    return [escape(line) for line in sorted(set(lines), key=len, reverse=True)]


def _enter(folder):
    """Makes it the working directory, for data files are named from there. Gives the one before, or None."""
    try:
        before = os.getcwd()
    except OSError:
        before = None
    if folder is not None and os.path.isdir(folder):
        os.chdir(folder)
    return before


def _flush(*streams):
    for stream in streams:
        try:
            stream.flush()
        except Exception:
            pass  # closed by the task, or there is none


def _write(data, streams):
    """The outcome as lines of a log: it begins a line, whatever the task left without an end."""
    text = b2a_base64(data, newline=False).decode('ascii')
    parts = [text[start : start + LINE] for start in range(0, len(text), LINE)]
    lines = '\n' + OUTCOME + ('\n' + MORE).join(parts) + '\n'
    for stream in streams:
        try:
            stream.write(lines)
            stream.flush()
            return
        except Exception:
            pass  # as above
    try:
        os.write(2, lines.encode('ascii'))
    except OSError:
        pass
