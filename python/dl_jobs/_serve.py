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
import types

from _records import SHORT_VALUE, Records, invalid
import _values
from _values import encode_result, parse, to_json

try:
    from _signal import SIG_IGN, SIGINT, signal  # the module `signal` takes longer to import than all of this
except ImportError:
    from signal import SIG_IGN, SIGINT, signal

try:
    import resource
except ImportError:  # not on every platform
    resource = None

FOLDER = os.path.dirname(os.path.abspath(__file__))
GUEST = os.path.dirname(FOLDER)
# Where Python's own modules are, before any folder of the user's.
OWN_PATH = [path for path in sys.path if path and os.path.realpath(path) != os.path.realpath(FOLDER)]

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
# Taken from the system's address space only: nothing is ever written there.
RESERVE_BYTES = 8 << 20
# So many fast tasks run before the clock is asked whether records are due.
RUN = 64

NATIVE = frozenset((type(None), bool, int, float, str, list, tuple, dict))
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


class _OwnFirst:
    """Within it, what is imported is Python's own, also where the user's folder has a module of that name."""

    def __enter__(self):
        # In front, not instead: threads of the user's may be importing too.
        sys.path[:0] = OWN_PATH

    def __exit__(self, *_):
        for path in OWN_PATH:
            if path in sys.path:
                sys.path.remove(path)


class Fatal(Exception):
    """The job is broken: no task can run."""

    def __init__(self, reason, error, names=None):
        super().__init__(reason)
        self.message = {'type': 'fatal', 'reason': reason, 'error': error}
        if names is not None:
            self.message['names'] = names


class Gone(Exception):
    """The worker closed its end."""


class Host:
    def __init__(self, inspecting):
        # The streams are the terminal's, and the task runs under a debugger.
        self.inspecting = inspecting
        self.streams = (sys.stdout, sys.stderr) if inspecting else _open_streams()
        self.progress = None
        # Given up when a task fails: where memory has run out, it takes some to tell.
        self.reserve = memory_reserve()
        self.buffer = b''
        self.records = None
        self.since = 0.0
        self.forked = False
        self.loop = None
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
        root, file, name = init['root'], init['file'], init['module']
        self.root, self.project_root = root, init['projectRoot']
        self.grouped = init['grouped']
        self.host = init['host']
        self.records = Records(init)
        if init.get('v') != WIRE_VERSION:
            message = 'expected version %d of the host protocol, got `%r`' % (WIRE_VERSION, init.get('v'))
            raise Fatal('load', {'type': 'ProtocolError', 'message': message})
        sys.path[0:0] = [root, GUEST]
        sys.meta_path.insert(0, Guest(GUEST))
        self.load_extras(init)
        sys.argv = [file]
        # User code that looks at __main__ (multiprocessing does) finds an empty module, not the host.
        self.main = sys.modules['__main__']
        sys.modules['__main__'] = types.ModuleType('__main__')
        try:
            module = self.import_from(name, file)
        except BaseException as error:
            self.flush_streams()
            raise Fatal('load', self.describe(error)) from None
        func = getattr(module, init['method'], None)
        if not callable(func):
            raise Fatal('missing', self.missing(name, init['method'], func), self.functions(module))
        expanding = getattr(func, '__dl_expand_args__', False)
        if self.inspecting:
            with _OwnFirst():
                from dl_jobs._inspect import debugged
            func = debugged(func, self.finish_awaitable)
        if init['call'] == 'each':
            self.task = func
        elif expanding:
            self.task = lambda words: func(words.get('args', []), words.get('kwargs', {}))
        else:
            self.task = lambda words: func(*words.get('args', ()), **words.get('kwargs', {}))

    def load_extras(self, init):
        """What few runs ask for."""
        if init.get('progress'):
            with _OwnFirst():
                from dl_jobs._progress import Progress
            self.progress = Progress()
        if init.get('redact'):
            with _OwnFirst():
                from dl_jobs._masks import json_mask, text_mask
            mask = text_mask(init['redact'])
            if mask is not None:
                _values.mask = mask
                self.records.mask = json_mask(mask)

    def import_from(self, name, file):
        import importlib

        module = None
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if '.' not in name or not (name + '.').startswith('%s.' % error.name):
                raise
        if module is None:
            # Somebody else's module has the name of a folder of the project that is no package: `code`, `test`.
            self.own_folders(name)
            module = importlib.import_module(name)
        found = getattr(module, '__file__', None)
        if found and os.path.realpath(found) == os.path.realpath(file):
            return module
        # The name belongs to a module that Python itself had loaded, such as `types` or `code`: go by the file.
        import importlib.util

        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or not os.path.exists(file):
            raise ImportError('expected module `%s` from %s, got it from %s' % (name, file, found))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def own_folders(self, name):
        """The folders above module `name` become namespace packages, whatever else has their names."""
        parts = name.split('.')[:-1]
        for depth in range(1, len(parts) + 1):
            folder = os.path.join(self.root, *parts[:depth])
            package = '.'.join(parts[:depth])
            if folder not in list(getattr(sys.modules.get(package), '__path__', ())):
                sys.modules[package] = types.ModuleType(package)
                sys.modules[package].__path__ = [folder]

    @staticmethod
    def missing(name, method, found):
        if found is None:
            message = 'module `%s` has no function `%s`' % (name, method)
        else:
            message = 'expected `%s.%s` to be a function, got %s' % (name, method, type(found).__name__)
        return {'type': 'TaskFunctionNotFound', 'message': message}

    @staticmethod
    def functions(module):
        return sorted(
            key
            for key, value in vars(module).items()
            if not key.startswith('_')
            and callable(value)
            and not isinstance(value, type)
            and getattr(value, '__module__', None) == module.__name__
        )

    # --- errors ---

    def describe(self, error):
        """An exception as the record's `error`: only the user's frames, by the user's own paths."""
        kind = type(error).__name__
        try:
            message = str(error)
        except Exception:
            message = '<%s whose text cannot be made>' % kind
        trace = error.__traceback__
        while trace is not None and self.is_ours(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        try:
            with _OwnFirst():
                import traceback

                # Which itself imports more.
                stack = ''.join(traceback.format_exception(type(error), error.with_traceback(trace), trace))
        except Exception:
            stack = '%s: %s\n' % (kind, message)
        return {'type': kind, 'message': message, 'stack': self.mapped(stack).rstrip('\n')}

    @staticmethod
    def is_ours(file):
        folder, name = os.path.split(file)
        if folder == FOLDER and name in ('_serve.py', '_progress.py', '_inspect.py'):
            return True
        if file.startswith('<frozen importlib') or file == getattr(sys.modules.get('bdb'), '__file__', None):
            return True
        base = os.path.basename(folder)
        return (base == 'importlib' and name == '__init__.py') or (
            base == 'asyncio' and name in ('base_events.py', 'futures.py', 'tasks.py')
        )

    def mapped(self, text):
        for root in {self.root, os.path.realpath(self.root)}:
            text = text.replace(root.rstrip('/') + '/', self.project_root.rstrip('/') + '/')
        return text

    # --- running ---

    def finish_awaitable(self, value):
        """The outcome of what an async function returned; `value` itself if it is no awaitable."""
        if not hasattr(type(value), '__await__'):
            return value
        with _OwnFirst():
            import asyncio
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        if isinstance(value, types.CoroutineType) or asyncio.isfuture(value):
            return self.loop.run_until_complete(value)

        async def wait():
            return await value

        return self.loop.run_until_complete(wait())

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

    def raised(self, error):
        """Failure type and JSON text of an exception."""
        # as_json met what JSON cannot hold; by name, since user code may have a copy of the class of its own.
        is_invalid = any(kind.__name__ == 'InvalidResult' for kind in type(error).__mro__)
        failure = 'invalid' if is_invalid else 'exception'
        if isinstance(error, MemoryError):
            failure = 'oom'
        return failure, to_json(self.describe(error))

    def returned(self, value):
        """Failure type, None if it is none, and JSON text of what a task returned."""
        try:
            bad, text = encode_result(value, self.grouped)
        except Exception as error:  # an InvalidResult, or what the value's own methods raised
            return 'invalid', invalid(error)
        return 'returned' if bad else None, text

    def leave(self, error):
        """A task called sys.exit: as if it had ended the process itself, but nothing that is ready gets lost."""
        code = error.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            try:
                sys.stderr.write('%s\n' % (code,))
            except Exception:
                pass
            code = 1
        self.flush_streams()
        if self.records.count or self.records.values:
            self.flush(time.perf_counter())
        os._exit(code & 255)


class ArgumentError:
    """Stands in for an argument that could not be parsed."""

    def __init__(self, error):
        self.error = ValueError('expected a line of arguments in JSON: %s' % error)


def memory_reserve():
    try:
        return bytes(RESERVE_BYTES)
    except MemoryError:
        return None


def peak_memory():
    """`,"rss":<KiB>`: the process's peak so far."""
    if resource is None:
        return ''
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return ',"rss":%d' % (peak // 1024 if sys.platform == 'darwin' else peak)


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
            if host.records.mask is not None:
                error.message['error'] = parse(host.records.mask(to_json(error.message['error'])))
            host.send(_dumps(error.message) + b'\n')
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

