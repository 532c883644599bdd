"""The Python host: the child process in which task functions run.

Started as `python .../dl_jobs/_host.py`, with 0 on /dev/null, 1 and 2 on its log file (append), and one end of a
socket pair each on 3 (to read) and 4 (to write). What is said over that is in src/contract/wire.ts, the records in src/contract/record.ts.
Standard library only. Over 300 lines: the module is compiled anew at each start of a host, as a script
always is, and one file is read faster than several.
"""

import os
import sys


def _leave_script_folder():
    """Import what lies beside this file, then take its folder off the path: it holds no module of the user's."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    from _values import encode_result

    # Under its real name, should anyone import it from the package.
    sys.modules['dl_jobs._values'] = sys.modules.pop('_values')
    real = os.path.realpath(here)
    sys.path[:] = [path for path in sys.path if not path or os.path.realpath(path) != real]
    return os.path.dirname(here), encode_result


# A child of the multiprocessing module may load this file again, and must not become a host.
if __name__ == '__main__':
    GUEST, encode_result = _leave_script_folder()

    import faulthandler
    import gc
    import io
    import json
    import signal
    import time
    import traceback
    import types
    from json import loads
    from zlib import crc32

    try:
        import resource
    except ImportError:  # not on every platform
        resource = None

# Two socket pairs, one each way: see src/contract/wire.ts.
FD_IN, FD_OUT = 3, 4
WIRE_VERSION = 1
FLUSH_BYTES = 65536
FLUSH_SECONDS = 0.005
# Below this average a task's cpu time, memory and output are not asked for: it would cost more than the task.
FAST_SECONDS = 50e-6
# A task of a fast batch that took this long is asked for its output after all.
LONG_SECONDS = 200e-6
# Integers below this are written as they are, without the encoder.
SMALL = 1 << 62
# Durations below a millisecond, as text, by their microseconds: formatting a float takes longer than a no-op.
SHORT = ['0.%03d' % microseconds for microseconds in range(1001)]


class Printed:
    """Whether anything was printed through sys.stdout or sys.stderr since `flag` was last cleared."""

    flag = False


def _open_streams():
    class LogStream(io.TextIOWrapper):
        def write(self, text):
            Printed.flag = True
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
    """JSON in UTF-8; lone surrogates, which UTF-8 cannot hold, as JSON escapes (that is what backslashreplace makes)."""
    return json.dumps(value, ensure_ascii=False, separators=(',', ':')).encode('utf-8', 'backslashreplace')


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
    def __init__(self):
        self.streams = _open_streams()
        self.buffer = b''
        self.pending = []
        self.batch_id = None
        self.since = 0.0
        self.forked = False
        self.loop = None
        self.log_end = 0
        # Measure each task? Yes until tasks prove fast, and for good once output came that no print accounts for.
        self.careful = False
        self.average = 1.0

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
        header = loads(self.buffer[:end].decode('utf-8'))
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
        body = b''.join(self.pending)
        head = '{"type":"out","id":%d,"n":%d,"bytes":%d,"busy":%.3f%s}\n' % (
            self.batch_id,
            len(self.pending),
            len(body),
            (now - self.since) * 1000,
            ',"done":true' if done else '',
        )
        self.pending = []
        self.since = now
        self.send(head.encode('ascii') + body)

    def flush_streams(self):
        for stream in self.streams:
            try:
                stream.flush()
            except Exception:
                pass  # closed by the task, or the disk is full: neither is the result's fault
        Printed.flag = False

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
        if init.get('v') != WIRE_VERSION:
            message = 'expected version %d of the host protocol, got `%r`' % (WIRE_VERSION, init.get('v'))
            raise Fatal('load', {'type': 'ProtocolError', 'message': message})
        sys.path[0:0] = [root, GUEST]
        sys.meta_path.insert(0, Guest(GUEST))
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
        if init['call'] == 'each':
            self.call = func
        elif getattr(func, '__dl_expand_args__', False):
            self.call = lambda words: func(words.get('args', []), words.get('kwargs', {}))
        else:
            self.call = lambda words: func(*words.get('args', ()), **words.get('kwargs', {}))

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
            stack = ''.join(traceback.format_exception(type(error), error.with_traceback(trace), trace))
        except Exception:
            stack = '%s: %s\n' % (kind, message)
        return {'type': kind, 'message': message, 'stack': self.mapped(stack).rstrip('\n')}

    @staticmethod
    def is_ours(file):
        if file == main.__code__.co_filename or file.startswith('<frozen importlib'):
            return True
        folder, name = os.path.split(file)
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
        """One entry a line; a line that is no JSON is an exception object, which becomes that task's error."""
        try:
            # All lines as one array: a call of the parser a batch, not a task. JSON has no raw newlines.
            text = body[:-1] if body.endswith(b'\n') else body
            args = loads((b'[' + text.replace(b'\n', b',') + b']').decode('utf-8'))
            if len(args) == count:
                return args
        except Exception:
            pass
        args = []
        for line in body.split(b'\n')[:count]:
            try:
                args.append(loads(line.decode('utf-8')))
            except Exception as error:
                args.append(ArgumentError(error))
        while len(args) < count:
            args.append(ArgumentError(ValueError('no line of arguments')))
        return args

    def log_range(self):
        """Flush the streams; `,"log":[...]` if the log has grown, else an empty string."""
        self.flush_streams()
        start, end = self.log_end, os.fstat(1).st_size
        self.log_end = end
        return ',"log":[%d,%d,%d]' % (self.host, start, end) if end > start else ''

    def run_batch(self, batch, body):
        args = self.arguments(body, sum(count for _, count in batch['tasks']))
        body = None
        args.reverse()
        take = args.pop
        clock, cpu_clock = time.perf_counter, time.process_time
        native = frozenset((type(None), bool, int, float, str, list, tuple, dict))
        call, grouped, printed = self.call, self.grouped, Printed
        measure = self.careful or self.average >= FAST_SECONDS
        ids = ',"r":%d,"a":%d,"s":"' % (batch['round'], batch['attempt'])
        epoch = (time.time() - clock()) * 1000
        self.batch_id = batch['id']
        self.since = clock()
        spent, tasks = 0.0, 0
        short, add = SHORT, self.pending.append
        grown = 0
        for first, count in batch['tasks']:
            tasks += count
            for index in range(first, first + count):
                arg = take()
                failure = None
                if measure:
                    cpu = cpu_clock()
                start = clock()
                try:
                    if type(arg) is ArgumentError:
                        raise arg.error
                    value = call(arg)
                    if type(value) not in native:
                        value = self.finish_awaitable(value)
                except SystemExit as error:
                    self.leave(error)
                except BaseException as error:
                    stop = clock()
                    value = self.describe(error)
                    failure = 'exception'
                else:
                    stop = clock()
                took = stop - start
                spent += took
                more = ''
                if measure:
                    more = ',"cpu":%.3f' % ((cpu_clock() - cpu) * 1000)
                if measure or printed.flag or took > LONG_SECONDS:
                    by_print = printed.flag
                    log = self.log_range()
                    if log and not by_print:
                        self.careful = measure = True
                    more += peak_memory() + log
                if failure is None:
                    kind = type(value)
                    if value is None:
                        text = 'null'
                        bad = False
                    elif kind is int and -SMALL < value < SMALL:
                        text = value  # formatted below
                        bad = False
                    else:
                        try:
                            bad, text = encode_result(value, grouped)
                        except Exception as error:  # an InvalidResult, or what the value's own methods raised
                            failure = 'invalid'
                            value = {'type': 'InvalidResult', 'message': str(error)}
                    if failure is None and bad:
                        failure = 'returned'
                        key = 'value'
                at = int(epoch + start * 1000)
                d = short[int(took * 1000000)] if took < 0.001 else '%.3f' % (took * 1000)
                if failure is None:
                    line = f'"v":1,"k":"end","t":{index}{ids}ok","at":{at},"d":{d}{more},"value":{text}}}'
                else:
                    if failure != 'returned':
                        key = 'error'
                        text = json.dumps(value, ensure_ascii=False, separators=(',', ':'))
                    head = f'"v":1,"k":"end","t":{index}{ids}error","ft":"{failure}","at":{at},"d":{d}'
                    line = f'{head}{more},"{key}":{text}}}'
                data = line.encode('utf-8', 'backslashreplace')
                data = b'{"crc":"%08x",%b\n' % (crc32(data), data)
                add(data)
                grown += len(data)
                # The last records travel with the batch's end.
                if (grown >= FLUSH_BYTES or stop - self.since >= FLUSH_SECONDS) and args:
                    self.flush(clock())
                    add, grown = self.pending.append, 0
                arg = value = text = line = data = None
        if not measure:
            # Output that no print of these tasks accounts for: from now on each task is asked.
            if self.log_range():
                self.careful = True
        if tasks:
            self.average = spent / tasks
        self.flush(clock(), done=True)

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
        if self.pending:
            self.flush(time.perf_counter())
        os._exit(code & 255)


class ArgumentError:
    """Stands in for an argument that could not be parsed."""

    def __init__(self, error):
        self.error = ValueError('expected a line of arguments in JSON: %s' % error)


def peak_memory():
    """`,"rss":<KiB>`: the process's peak so far."""
    if resource is None:
        return ''
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return ',"rss":%d' % (peak // 1024 if sys.platform == 'darwin' else peak)


def main():
    # Ctrl-C reaches the whole process group; the worker decides what it means for a running task.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if getattr(sys, 'pycache_prefix', None) is None:
        sys.dont_write_bytecode = True  # the snapshot is frozen
    for fd in (FD_IN, FD_OUT):
        os.set_blocking(fd, True)
        os.set_inheritable(fd, False)
    faulthandler.enable(2)
    host = Host()

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
        traceback.print_exc()
        host.end(70)


if __name__ == '__main__':
    main()
