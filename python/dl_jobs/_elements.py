"""The argument list of a job, on its way to the core: a page of lines of JSON at a time, as they are asked for."""
import json
import re
import time

from ._values import InvalidResult, rows_of, to_json
from .errors import JobError, describe

# A page is handed over after so many seconds, full or not: slow lists keep tasks waiting no longer.
_PAGE_SECONDS = 0.05
# Nor does a page grow much beyond so many characters.
_PAGE_SIZE = 1 << 20


def elements_of(args_list, label):
    """What is to be gone through: a data frame's rows are its records; a list of one iterator or range is that."""
    records = getattr(args_list, 'to_dict', None)
    if callable(records) and hasattr(args_list, 'iterrows'):
        return rows_of(args_list)
    if isinstance(args_list, (list, tuple)) and len(args_list) == 1:
        only = args_list[0]
        if isinstance(only, range) or (hasattr(only, '__next__') and hasattr(only, '__iter__')):
            return only
    try:
        return iter(args_list)
    except TypeError:
        shown = repr(args_list)
        raise JobError(
            'JOB_INVALID',
            '%s: args_list: expected an iterable, a number or the path of a file, got %s (%s)'
            % (label, shown if len(shown) < 80 else shown[:77] + '...', type(args_list).__name__),
            'One element is one task.',
        ) from None


class Elements(object):
    def __init__(self, elements):
        self._elements = iter(elements)
        self._taken = 0
        self._raised = None

    def take(self, count):
        """Up to ``count`` lines, and whether that was the end. What the list raises comes after what it gave."""
        if self._raised is not None:
            raise self._raised
        lines = []
        size = 0
        full_at = time.monotonic() + _PAGE_SECONDS
        while len(lines) < count and size < _PAGE_SIZE and (not lines or time.monotonic() < full_at):
            try:
                line = to_json(next(self._elements))
            except StopIteration:
                return lines, True
            except InvalidResult as error:
                place = 'args_list[%d]%s' % (self._taken, ''.join(reversed(error.where)))
                self._raised = JobError('ARGS_INVALID', '%s: %s' % (place, error.what))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._raised = error
            if self._raised is not None:
                if lines:
                    break
                raise self._raised
            lines.append(line)
            size += len(line)
            self._taken += 1
        return lines, False

    def answer(self, count):
        """The lines that answer a question for ``count`` elements."""
        lines, end = self.take(count)
        return [json.dumps({'n': len(lines), 'end': end})] + lines


def answer_of(error, trace=None):
    """The line that says that the list raised."""
    return json.dumps({'error': {'kind': 'threw', 'message': describe(error), 'trace': trace}})


_LONE = re.compile('[\ud800-\udfff]')


def encoded(line):
    """A line of JSON as bytes. Half a character, which UTF-8 has no bytes for, is written as an escape."""
    try:
        return line.encode('utf-8') + b'\n'
    except UnicodeEncodeError:
        return _LONE.sub(lambda half: '\\u%04x' % ord(half.group()), line).encode('utf-8') + b'\n'
