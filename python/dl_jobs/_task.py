"""A job's task function: how it is found and called, and what a failure of it is. Shared by the host and _earthone.py.

The standard library's modules that are slow to import are imported where they are needed.
"""

import os
import sys

if '.' in __name__:  # on EarthOne
    from . import _values
else:  # the host, which keeps the names of these modules from the user's code: see _host.py
    import _values
encode_result, to_json = _values.encode_result, _values.to_json

FOLDER = os.path.dirname(os.path.abspath(__file__))
GUEST = os.path.dirname(FOLDER)
_OURS = {os.path.realpath(FOLDER), os.path.realpath(GUEST)}
# Where Python's own modules are, before any folder of the user's.
OWN_PATH = [path for path in sys.path if path and os.path.realpath(path) not in _OURS]

NATIVE = frozenset((type(None), bool, int, float, str, list, tuple, dict))
# Taken from the system's address space only: nothing is ever written there.
RESERVE_BYTES = 8 << 20
# Stand between the task and whoever called it.
_OUR_FILES = frozenset(('_serve.py', '_task.py', '_earthone.py', '_progress.py', '_inspect.py'))

# Here, not imported: a project may have a module of that name, and on EarthOne stands before Python's own.
ModuleType = type(sys)


class OwnFirst:
    """Within it, what is imported is Python's own, also where the user's folder has a module of that name."""

    def __enter__(self):
        # In front, not instead: threads of the user's may be importing too.
        sys.path[:0] = OWN_PATH

    def __exit__(self, *_):
        for path in OWN_PATH:
            if path in sys.path:
                sys.path.remove(path)


with OwnFirst():
    try:
        import resource
    except ImportError:  # not on every platform
        resource = None


class Fatal(Exception):
    """The job is broken: no task can run."""

    def __init__(self, reason, error, names=None):
        super().__init__(reason)
        self.reason, self.error, self.names = reason, error, names


class TaskFunction:
    """`root`: where the modules are. `shown_root`: what stands for `root` and its `/` in stacks."""

    root = shown_root = ''
    grouped = False
    loop = None

    # --- loading ---

    def find(self, name, file, method):
        """Function `method` of module `name`, which `file` holds. Raises Fatal."""
        # A script that runs a job when it is imported would begin the whole again: `_core` refuses that.
        sys._dl_jobs_loading = name
        try:
            module = self.import_from(name, file)
        except BaseException as error:
            raise Fatal('load', self.describe(error)) from None
        finally:
            del sys._dl_jobs_loading
        func = getattr(module, method, None)
        if not callable(func):
            raise Fatal('missing', self.missing(name, method, func), self.functions(module))
        return func

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

        spec = self.spec_of(name, file)
        if spec is None:
            raise ImportError('expected module `%s` from %s, got it from %s' % (name, file, found))
        module = importlib.util.module_from_spec(spec)
        if hasattr(spec.loader, 'exec_module'):
            spec.loader.exec_module(module)
        else:  # that of zips, before 3.10
            exec(spec.loader.get_code(name), vars(module))
        return module

    @staticmethod
    def spec_of(name, file):
        from importlib.util import spec_from_file_location

        return spec_from_file_location(name, file) if os.path.exists(file) else None

    def own_folders(self, name):
        """The folders above module `name` become namespace packages, whatever else has their names."""
        parts = name.split('.')[:-1]
        for depth in range(1, len(parts) + 1):
            folder = os.path.join(self.root, *parts[:depth])
            package = '.'.join(parts[:depth])
            if folder not in list(getattr(sys.modules.get(package), '__path__', ())):
                sys.modules[package] = ModuleType(package)
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

    @staticmethod
    def of_one_argument(func, call, expanding):
        """`func` as it is called with one line of arguments: see `call` in src/contract/wire.ts."""
        if call == 'each':
            return func
        if expanding:
            return lambda words: func(words.get('args', []), words.get('kwargs', {}))
        return lambda words: func(*words.get('args', ()), **words.get('kwargs', {}))

    @staticmethod
    def hide(sources):
        """Takes note of what is to be masked. Gives a function that masks a JSON text, or None."""
        with OwnFirst():
            from dl_jobs._masks import json_mask, text_mask
        mask = text_mask(sources)
        if mask is None:
            return None
        _values.mask = mask
        return json_mask(mask)

    # --- running ---

    def finish_awaitable(self, value):
        """The outcome of what an async function returned; `value` itself if it is no awaitable."""
        if not hasattr(type(value), '__await__'):
            return value
        with OwnFirst():
            import asyncio
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        if asyncio.iscoroutine(value) or asyncio.isfuture(value):
            return self.loop.run_until_complete(value)

        async def wait():
            return await value

        return self.loop.run_until_complete(wait())

    # --- what became of it ---

    def returned(self, value):
        """Failure type, None if it is none, and JSON text of what a task returned."""
        try:
            bad, text = encode_result(value, self.grouped)
        except Exception as error:  # an InvalidResult, or what the value's own methods raised
            return 'invalid', invalid(error)
        return 'returned' if bad else None, text

    def raised(self, error):
        """Failure type and JSON text of an exception."""
        # as_json met what JSON cannot hold; by name, since user code may have a copy of the class of its own.
        is_invalid = any(kind.__name__ == 'InvalidResult' for kind in type(error).__mro__)
        failure = 'invalid' if is_invalid else 'exception'
        if isinstance(error, MemoryError):
            failure = 'oom'
        return failure, to_json(self.describe(error))

    def describe(self, error):
        """An exception as the record's `error`: only the user's frames, by the user's own paths."""
        kind = type(error).__name__
        try:
            message = str(error)
        except Exception:
            message = '<%s whose text cannot be made>' % kind
        trace = error.__traceback__
        while trace is not None and is_ours(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        try:
            with OwnFirst():
                import traceback

                # Which itself imports more.
                stack = ''.join(traceback.format_exception(type(error), error.with_traceback(trace), trace))
        except Exception:
            stack = '%s: %s\n' % (kind, message)
        return {'type': kind, 'message': message, 'stack': self.mapped(stack).rstrip('\n')}

    def mapped(self, text):
        for root in {self.root, os.path.realpath(self.root)}:
            text = text.replace(root.rstrip('/') + '/', self.shown_root)
        return text


def is_ours(file):
    folder, name = os.path.split(file)
    if folder == FOLDER and name in _OUR_FILES:
        return True
    if file.startswith(('<frozen importlib', '<frozen zipimport')):
        return True
    if file == getattr(sys.modules.get('bdb'), '__file__', None):
        return True
    base = os.path.basename(folder)
    return (base == 'importlib' and name == '__init__.py') or (
        base == 'asyncio' and name in ('base_events.py', 'futures.py', 'tasks.py')
    )


def invalid(error):
    """The `error` of a result that JSON cannot hold, as JSON text."""
    return to_json({'type': 'InvalidResult', 'message': str(error)})


def exit_code(error):
    """What a process would end with for this SystemExit; a text is written to stderr, as Python does."""
    code = error.code
    if code is None:
        return 0
    if not isinstance(code, int):
        try:
            sys.stderr.write('%s\n' % (code,))
        except Exception:
            pass
        return 1
    return code & 255


def memory_reserve():
    """To be given up when a task fails: where memory has run out, it takes some to tell."""
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
