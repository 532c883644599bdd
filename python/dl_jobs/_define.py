"""Calls a job function written in Python, for the TypeScript core, and gives its arguments as they are asked for.

Started as `python .../dl_jobs/_define.py` with 0, 1 and 2 of the terminal, requests on 3 and answers on 4, each a line
of JSON. The first request says what to call:

    {"root", "module", "path", "method", "args", "kwargs", "options", "settings"}

The answer is `{"jobs": [spec or null …]}` or `{"error": {"kind", "message", "trace"}}`. Then each `{"job": i, "n": n}`
asks for up to n elements of that job's argument list: `{"n": k, "end": bool}` and k lines, one element each.
The core closing its end of 3 ends it.
"""

import importlib
import importlib.util
import inspect
import json
import os
import signal
import sys
import traceback

_HERE = os.path.dirname(os.path.abspath(__file__))
_IMPORTLIB = os.path.dirname(os.path.abspath(importlib.__file__))


class _Failed(Exception):
    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.answer = {'kind': kind, 'message': message, 'trace': trace}


def _user_trace(error):
    """The traceback without the frames of this package, and of the import system between them and the user's."""
    shown = traceback.TracebackException.from_exception(error)
    part, seen = shown, set()
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list(
            [frame for frame in part.stack if not _is_ours(frame.filename)]
        )
        part = part.__cause__ or part.__context__
    return ''.join(shown.format()).rstrip()


def _is_ours(path):
    return path.startswith((_HERE + os.sep, _IMPORTLIB + os.sep, '<frozen importlib'))


def _load(request):
    root, module, path = request['root'], request['module'], request['path']
    try:
        if module is not None:
            return importlib.import_module(module)
        # A folder of job functions that is no package below the root.
        name = os.path.splitext(os.path.basename(path))[0]
        spec = importlib.util.spec_from_file_location(name, path)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        spec.loader.exec_module(loaded)
        return loaded
    except Exception as error:
        raise _Failed('load', '%s cannot be imported' % os.path.relpath(path, root), _user_trace(error))


def _call(module, request, taken):
    """`taken` gets the names of the options that the function is given."""
    name = request['method']
    function = getattr(module, name, None)
    if not callable(function):
        known = sorted(
            key
            for key, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not key.startswith('_')
        )
        raise _Failed('missing', 'expected a function `%s`, found none' % name, ', '.join(known))
    args, kwargs = request['args'], dict(request['kwargs'])
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None
    if signature is not None:
        kinds = [parameter.kind for parameter in signature.parameters.values()]
        takes_any = inspect.Parameter.VAR_KEYWORD in kinds
        for key, value in request['options'].items():
            if takes_any or key in signature.parameters:
                kwargs.setdefault(key, value)
                taken.append(key)
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise _Failed('usage', '%s%s: %s' % (name, signature, error))
    try:
        return function(*args, **kwargs)
    except Exception as error:
        from dl_jobs.errors import describe

        raise _Failed('threw', describe(error), _user_trace(error))


def _jobs(returned):
    from dl_jobs.job import DLJob

    jobs = list(returned) if isinstance(returned, (list, tuple)) else [returned]
    for job in jobs:
        if job is not None and not isinstance(job, DLJob):
            shown = repr(job)
            raise _Failed(
                'jobs',
                'expected a DLJob, a list of them or None, got %s %s'
                % (type(job).__name__, shown if len(shown) < 80 else shown[:77] + '...'),
            )
    return jobs


def _spec(job, elements):
    from dl_jobs.errors import DLJobsError, describe

    try:
        return job.plain_spec(elements)
    except DLJobsError as error:
        raise _Failed('jobs', error.message)
    except Exception as error:
        raise _Failed('jobs', '%s: %s' % (job.full_name, describe(error)))


def _flush():
    try:
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        # The job function has closed it, or its reader has gone.
        pass


def main():
    requests = os.fdopen(3, 'r', encoding='utf-8', newline='\n')
    answers = os.fdopen(4, 'wb')

    def answer(value):
        answers.write(json.dumps(value).encode('ascii') + b'\n')

    request = json.loads(requests.readline())
    sys.path[0] = request['root']
    package = os.path.dirname(_HERE)
    # Before what is installed, where the original may be.
    sys.path.insert(1, package)
    elements = []
    try:
        from dl_jobs import config
        from dl_jobs._elements import Elements, answer_of, encoded

        config.use(request['settings'])
        taken = []
        jobs = _jobs(_call(_load(request), request, taken))
        specs = []
        for job in jobs:
            elements.append(None)
            if job is None:
                specs.append(None)
                continue
            job_elements = []
            specs.append(_spec(job, job_elements))
            if job_elements:
                elements[-1] = Elements(job_elements[0])
        answer({'jobs': specs, 'taken': taken})
    except _Failed as error:
        answer({'error': error.answer})
    _flush()
    answers.flush()
    for line in requests:
        wanted = json.loads(line)
        try:
            lines = elements[wanted['job']].answer(wanted['n'])
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            lines = [answer_of(error, _user_trace(error))]
        for text in lines:
            answers.write(encoded(text))
        _flush()
        answers.flush()


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        # Ctrl-C, which the core was told of as well: it says so.
        sys.exit(130)
    finally:
        # One comes when the core has ended: it would break off what is done at exit, with a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
