"""Runs that have taken place: their summary, and what their tasks came to."""
import json

from .errors import TaskError


class Summary(object):
    """
    How a run ended: ``id, name, spec, status, reason, round, counts, failures, failed, paths, moved, duration_ms,
    p50_ms, p95_ms``, as docs/jobs.md describes them. ``is_local``: it ran on this machine.
    """

    def __init__(self, fields):
        self.__dict__.update(fields)

    def tasks(self):
        """The tasks that have an outcome, in order; read from the run's folder."""
        from ._core import ask

        outcomes = Outcomes()
        ask({'do': 'values', 'run': self.paths['run']}, on_value=outcomes.take)
        return [outcomes.task(index, self.paths['run']) for index in outcomes.indexes()]

    def __repr__(self):
        counts = self.counts
        return '<Summary %s: %s, %s of %s ok, %s errors>' % (
            self.id,
            self.status,
            counts['ok'],
            '?' if counts['total'] is None else counts['total'],
            counts['errors'],
        )


class Task(object):
    """
    What a task came to. ``id``: its place in the argument list, from 0. ``is_success``; ``result``: its value, of one
    that failed a dict with ``ERROR``, ``ARGS``, ``KWARGS``; ``failure_type``; ``exception``: the text of what it
    raised, else None; ``log``: what it printed, read when it is asked for.
    """

    def __init__(self, index, result, failure_type, run):
        self.id = index
        self.result = result
        self.failure_type = failure_type
        self.is_success = failure_type is None
        self._run = run

    @property
    def exception(self):
        if not raised(self.failure_type):
            return None
        error = self.result
        return '%s: %s' % (error['TYPE'], error['ERROR']) if error.get('TYPE') else str(error.get('ERROR'))

    @property
    def log(self):
        from ._core import capture

        # Of a task without output the command says so on the other stream.
        output, _ = capture(['logs', self._run, '--task', str(self.id)], 'STORE_FAILED')
        return output

    def __repr__(self):
        return '<Task %d: %s>' % (self.id, self.failure_type or 'ok')


def raised(failure_type):
    """True unless the task came to a value, which may be an error result."""
    return failure_type not in (None, 'returned')


class Outcomes(object):
    """What tasks came to, as the command tells of it, in any order."""

    def __init__(self):
        self._values = {}
        self._failures = {}

    def take(self, line):
        row = json.loads(line)
        self._values[row['t']] = row['v']
        if 'f' in row:
            self._failures[row['t']] = row['f']

    def indexes(self):
        return sorted(self._values)

    def values(self):
        """In the order of the argument list."""
        return [self._values[index] for index in self.indexes()]

    def task(self, index, run):
        return Task(index, self._values[index], self._failures.get(index), run)

    def only(self, label, run):
        """The value of the task of a single-task job; raises TaskError when it did not come to one."""
        failure = self._failures.get(0)
        if not raised(failure):
            return self._values[0]
        raise TaskError(
            label, failure, self._values[0], '`dl_jobs replay %s --task 0` runs it again, here.' % run
        )
