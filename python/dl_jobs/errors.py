"""What goes wrong when a program runs jobs."""
import re

_SAID = re.compile(r'error: (.*?) \[([A-Z_]+)\]$', re.MULTILINE)


def describe(error):
    """``ValueError: text``, also of an exception that cannot say its text."""
    if isinstance(error, DLJobsError):
        return error.message
    try:
        text = str(error)
    except Exception:
        text = '<its text cannot be had>'
    return '%s: %s' % (type(error).__name__, text)


def error_of(text, code):
    """What the command has printed, as an error; ``code`` where it named none."""
    found = _SAID.search(text)
    if found is None:
        return DLJobsError(code, text.strip())
    hint = ' '.join(line.strip() for line in text[found.end() :].splitlines()).strip()
    return DLJobsError(found.group(2), found.group(1), hint or None)


class DLJobsError(RuntimeError):
    """
    A mistake in a job or a setting, or something that failed around it: ``code`` (as in docs/errors.md), ``message``,
    and ``hint``, what to do next.
    """

    def __init__(self, code, message, hint=None):
        RuntimeError.__init__(self, '%s [%s]%s' % (message, code, '\n  ' + hint if hint else ''))
        self.code = code
        self.message = message
        self.hint = hint


class JobError(DLJobsError, ValueError):
    """A job, or an element of its argument list, is not what it must be."""


class TaskError(DLJobsError):
    """
    The single task of a job failed. ``type`` is the class of what it raised, ``stack`` its traceback, ``error`` the
    whole line of the errors file.
    """

    def __init__(self, label, failure, error, hint):
        self.failure_type = failure
        self.error = error
        self.type = error.get('TYPE')
        self.stack = error.get('STACK')
        said = '%s: %s' % (self.type, error.get('ERROR')) if self.type else str(error.get('ERROR'))
        trace = '\n' + self.stack.rstrip() if self.stack else ''
        DLJobsError.__init__(self, 'TASK_FAILED', '%s: %s (%s)%s' % (label, said, failure, trace), hint)
