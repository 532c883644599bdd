"""What a Python host does: see src/contract/wire.ts for the messages, src/contract/record.ts for the records.

A module of its own, not the script, so that Python compiles it once and not at each start of a host.
lines: one state, the host's.
The standard library's modules that are slow to import are imported where they are needed.
"""

import faulthandler
import gc
import io
import os
import sys
import time

from _records import SHORT_VALUE, Records
from _task import (
    GUEST,
    NATIVE,
    Fatal,
    ModuleType,
    OwnFirst,
    TaskFunction,
    exit_code,
    memory_reserve,
    peak_memory,
)
from _values import parse, to_json

try:
    from _signal import SIG_IGN, SIGINT, signal  # the module `signal` takes longer to import than all of this
except ImportError:
    from signal import SIG_IGN, SIGINT, signal

# Two socket pairs, one each way, and a file: see src/contract/wire.ts.
FD_IN, FD_OUT, FD_PROGRESS = 3, 4, 5
WIRE_VERSION = 1
FLUSH_BYTES = 65536
FLUSH_SECONDS = 0.005
# Records of tasks slower than this are sent at once when the worker watches: it may kill us over the next task, and
# then what ended and was not sent runs once more.
WORTH_SENDING_SECONDS = 0.001
# Below this average a task's cpu time, memory and output are not asked for: it would cost more than the task.
FAST_SECONDS = 50e-6
# A task among fast ones that took this long is asked for its output after all.
LONG_SECONDS = 200e-6
# So many fast tasks run before the clock is asked whether records are due.
RUN = 64

SCALARS = frozenset((type(None), bool, int, float))
# Text that begins so may be JSON, or an error.
ODD_STARTS = frozenset(' \t\r\n{[E')


# Not empty: something was printed through sys.stdout or sys.stderr since it was last cleared.
PRINTED = []


def _open_streams():
    # Buffered by the line, as on a terminal: what is printed without a newline right before os._exit or a crash is
    # lost. Writing each piece at once would make print(a, b, c) three times as dear, and more on a shared disk.
    mark = PRINTED.append

    class LogStream(io.TextIOWrapper):
        def write(self, text):
            mark(True)
            return super().write(text)

    for name, fd in (('stdout', 1), ('stderr', 2)):
        raw = io.FileIO(fd, 'w', closefd=False)
        stream = LogStream(
            io.BufferedWriter(raw), encoding='utf-8', errors='backslashreplace', newline='\n', line_buffering=True
        )
        stream.mode = 'w'
        setattr(sys, name, stream)
        setattr(sys, '__%s__' % name, stream)
    return sys.stdout, sys.stderr


class Guest:
    """`import dl_jobs` means our package, also where the project has a folder or file of that name."""

    def __init__(self, folder):
        self.folder = folder

    def find_spec(self, name, path=None, target=None):
        if name != 'dl_jobs':
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name, [self.folder])


def _dumps(value):
    """JSON in UTF-8; lone surrogates, which UTF-8 cannot hold, as JSON escapes."""
    return to_json(value).encode('utf-8', 'backslashreplace')


class Gone(Exception):
    """The worker closed its end."""


class Host(TaskFunction):
    def __init__(self, inspecting):
        # The streams are the terminal's, and the task runs under a debugger.
        self.inspecting = inspecting
        self.streams = (sys.stdout, sys.stderr) if inspecting else _open_streams()
        self.progress = None
        self.reserve = memory_reserve()
        self.buffer = b''
        self.records = None
        self.since = 0.0
        self.forked = False
        self.log_end = 0
        # Measure each task? Yes until tasks prove fast, and for good once output came that no print accounts for.
        self.careful = False
        # Of the last tasks' seconds, the newest counting most.
        self.average = 0.001

    # --- talking to the worker ---

    def read(self):
        try:
            data = os.read(FD_IN, 262144)
        except ConnectionError:
            raise Gone() from None
        if not data:
            raise Gone()
        return data

    def receive(self):
        """The next message: header and body."""
        while True:
            end = self.buffer.find(b'\n')
            if end >= 0:
                break
            self.buffer += self.read()
        header = parse(self.buffer[:end].decode('utf-8'))
        rest = self.buffer[end + 1 :]
        need = header.get('bytes', 0)
        if len(rest) < need:
            parts, have = [rest], len(rest)
            while have < need:
                data = self.read()
                parts.append(data)
                have += len(data)
            rest = b''.join(parts)
        self.buffer = rest[need:]
        return header, rest[:need]

    def send(self, data):
        if self.forked:
            os._exit(0)  # a child that user code forked, and that came out of the task function
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(FD_OUT, view) :]
        except ConnectionError:
            raise Gone() from None

    def flush(self, now, done=False):
        """Send the records that are ready."""
        busy = (now - self.since) * 1000
        self.since = now
        self.send(self.records.take(now, busy, done))

    def flush_streams(self):
        for stream in self.streams:
            try:
                stream.flush()
            except Exception:
                pass  # closed by the task, or the disk is full: neither is the result's fault
        PRINTED.clear()

    def end(self, code):
        """End at once: no exit handlers, no waiting for threads."""
        self.flush_streams()
        os._exit(code)

    # --- loading ---

    def load(self, init):
        file = init['file']
        self.root = init['root']
        self.shown_root = init['projectRoot'].rstrip('/') + '/'
        self.grouped = init['grouped']
        self.host = init['host']
        self.records = Records(init)
        if init.get('v') != WIRE_VERSION:
            message = 'expected version %d of the host protocol, got `%r`' % (WIRE_VERSION, init.get('v'))
            raise Fatal('load', {'type': 'ProtocolError', 'message': message})
        sys.path[0:0] = [self.root, GUEST]
        sys.meta_path.insert(0, Guest(GUEST))
        self.load_extras(init)
        sys.argv = [file]
        # User code that looks at __main__ (multiprocessing does) finds an empty module, not the host.
        self.main = sys.modules['__main__']
        sys.modules['__main__'] = ModuleType('__main__')
        try:
            func = self.find(init['module'], file, init['method'])
        except Fatal:
            self.flush_streams()
            raise
        expanding = getattr(func, '__dl_expand_args__', False)
        if self.inspecting:
            with OwnFirst():
                from dl_jobs._inspect import debugged
            func = debugged(func, self.finish_awaitable)
        self.task = self.of_one_argument(func, init['call'], expanding)

    def fatal_message(self, fatal):
        error = fatal.error
        if self.records.mask is not None:
            error = parse(self.records.mask(to_json(error)))
        message = {'type': 'fatal', 'reason': fatal.reason, 'error': error}
        if fatal.names is not None:
            message['names'] = fatal.names
        return message

    def load_extras(self, init):
        """What few runs ask for."""
        if init.get('progress'):
            with OwnFirst():
                from dl_jobs._progress import Progress
            self.progress = Progress()
        if init.get('redact'):
            self.records.mask = self.hide(init['redact'])

    # --- running ---

    def arguments(self, body, count):
        """One entry a line, and whether all of them were JSON; the others are `ArgumentError`s."""
        try:
            # All lines as one array: a call of the parser a batch, not a task. JSON has no raw newlines.
            text = body[:-1] if body.endswith(b'\n') else body
            args = parse((b'[' + text.replace(b'\n', b',') + b']').decode('utf-8'))
            if type(args) is list and len(args) == count:
                return args, True
        except Exception:
            pass
        args = []
        for line in body.split(b'\n')[:count]:
            try:
                args.append(parse(line.decode('utf-8')))
            except Exception as error:
                args.append(ArgumentError(error))
        while len(args) < count:
            args.append(ArgumentError(ValueError('no line of arguments')))
        return args, False

    def log_range(self):
        """Flush the streams; `,"log":[...]` if the log has grown, else an empty string."""
        self.flush_streams()
        if self.inspecting:
            return ''
        start, end = self.log_end, os.fstat(1).st_size
        self.log_end = end
        return ',"log":[%d,%d,%d]' % (self.host, start, end) if end > start else ''

    def run_batch(self, batch, body):
        args, sound = self.arguments(body, sum(count for _, count in batch['tasks']))
        self.call = self.task if sound else self.checked_task
        if self.progress is not None:
            self.call = self.progress.noted(self.call, batch['id'])
        body = None
        if self.reserve is None:
            self.reserve = memory_reserve()
        args.reverse()
        clock = time.perf_counter
        records = self.records
        records.begin(batch, (time.time() - clock()) * 1000)
        self.since = clock()
        quick = False
        for first, count in batch['tasks']:
            index, end = first, first + count
            while index < end:
                if self.careful or self.average >= FAST_SECONDS:
                    if quick:
                        quick = False
                        self.look_for_output()
                    self.run_careful(index, args.pop())
                    index += 1
                else:
                    quick = True
                    index = self.run_quick(index, end, args.pop)
                # The last records travel with the batch's end.
                if args and (records.size >= FLUSH_BYTES or clock() - self.since >= self.patience()):
                    self.flush(clock())
                elif self.forked:
                    os._exit(0)  # as in send, before the child runs the next task
        if quick:
            self.look_for_output()
        self.flush(clock(), done=True)

    def patience(self):
        """Seconds that records of tasks like the last ones may wait for others."""
        return 0 if self.progress is not None and self.average > WORTH_SENDING_SECONDS else FLUSH_SECONDS

    def checked_task(self, arg):
        if type(arg) is ArgumentError:
            raise arg.error
        return self.task(arg)

    def look_for_output(self):
        """Output that no print of the tasks accounts for: from now on each task is asked."""
        if self.log_range():
            self.careful = True

    def run_careful(self, index, arg):
        clock, cpu_clock = time.perf_counter, time.process_time
        failure = None
        cpu = cpu_clock()
        start = clock()
        try:
            value = self.call(arg)
            if type(value) not in NATIVE:
                value = self.finish_awaitable(value)
        except SystemExit as error:
            self.leave(error)
        except BaseException as error:
            self.reserve = None
            stop = clock()
            failure, text = self.raised(error)
        else:
            stop = clock()
        cpu = cpu_clock() - cpu
        by_print = bool(PRINTED)
        log = self.log_range()
        if log and not by_print:
            self.careful = True
        if failure is None:
            failure, text = self.returned(value)
        took = stop - start
        self.average += (took - self.average) / 4
        self.records.one(index, failure, text, start, took, ',"cpu":%.3f%s%s' % (cpu * 1000, peak_memory(), log))

    def run_quick(self, index, end, take):
        """Run tasks that are about as fast as the clock until one is not, or records are due. Returns the next index.

        Each begins, for the records, when the one before it ended.
        """
        call, clock, printed, scalars, odd = self.call, time.perf_counter, PRINTED, SCALARS, ODD_STARTS
        records = self.records
        encoded, values = records.encoded, records.values
        add = values.append
        due = self.since + FLUSH_SECONDS
        begun, begin = clock(), index
        start = stop = begun
        records.open(index, start)
        failure = text = None
        try:
            while True:
                for index in range(index, min(end, index + RUN)):
                    value = call(take())
                    stop = clock()
                    kind = type(value)
                    if not (kind in scalars or kind is str and value[:1] not in odd and len(value) < SHORT_VALUE):
                        if kind not in NATIVE:
                            value = self.finish_awaitable(value)
                            stop = clock()
                        failure, text = self.returned(value)
                        if failure is not None or len(text) > SHORT_VALUE or printed or stop - start > LONG_SECONDS:
                            break
                        encoded[len(values)] = text
                        add(None)
                        start = clock()
                        continue
                    if printed or stop - start > LONG_SECONDS:
                        failure, text = self.returned(value)
                        break
                    add(value)
                    start = stop
                else:
                    index += 1
                    if index < end and stop < due:
                        continue
                    self.average += ((stop - begun) / (index - begin) - self.average) / 4
                    records.close(stop)
                    return index
                break
        except SystemExit as error:
            records.close(start)
            self.leave(error)
        except BaseException as error:
            self.reserve = None
            stop = clock()
            failure, text = self.raised(error)
        value = None
        took = stop - start
        more = ''
        if printed or took > LONG_SECONDS:
            by_print = bool(printed)
            log = self.log_range()
            if log and not by_print:
                self.careful = True
            more = peak_memory() + log
        self.average += (took - self.average) / 4
        records.one(index, failure, text, start, took, more)
        return index + 1

    def leave(self, error):
        """A task called sys.exit: as if it had ended the process itself, but nothing that is ready gets lost."""
        code = exit_code(error)
        self.flush_streams()
        if self.records.count or self.records.values:
            self.flush(time.perf_counter())
        os._exit(code)


class ArgumentError:
    """Stands in for an argument that could not be parsed."""

    def __init__(self, error):
        self.error = ValueError('expected a line of arguments in JSON: %s' % error)


def main():
    # Not for hosts that the task may start in turn.
    inspecting = os.environ.pop('DL_JOBS_INSPECT', None) == '1'
    # Ctrl-C reaches the whole process group; the worker decides what it means for a running task. The debugger has
    # a use of its own for it.
    if not inspecting:
        signal(SIGINT, SIG_IGN)
    if getattr(sys, 'pycache_prefix', None) is None:
        sys.dont_write_bytecode = True  # the snapshot is frozen
    for fd in (FD_IN, FD_OUT):
        os.set_blocking(fd, True)
        os.set_inheritable(fd, False)
    try:
        os.set_inheritable(FD_PROGRESS, False)
    except OSError:
        pass  # a worker that never asks for progress
    faulthandler.enable(2)
    host = Host(inspecting)

    def in_child():
        # Else the worker would not see the pipe close while a forked child of a dead host lives.
        host.forked = True
        os.close(FD_OUT)

    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(after_in_child=in_child)
    try:
        init, _ = host.receive()
        try:
            host.load(init)
        except Fatal as error:
            host.send(_dumps(host.fatal_message(error)) + b'\n')
            host.end(1)
        host.flush_streams()
        host.log_end = os.fstat(1).st_size
        # What is loaded by now lives as long as the host: no collection need look at it again.
        gc.freeze()
        host.send(b'{"type":"ready","runtime":"python %d.%d.%d"}\n' % sys.version_info[:3])
        while True:
            header, body = host.receive()
            host.run_batch(header, body)
    except Gone:
        host.end(0)
    except BaseException:
        # A mistake of ours: never end quietly, never hang on threads of the user's.
        import traceback

        traceback.print_exc()
        host.end(70)

