"""``DLJob``: a task function, and the arguments to run it over."""
import importlib
import json
import numbers
from datetime import datetime

from . import config as _config
from ._elements import elements_of, encoded
from ._values import InvalidResult, to_json
from .errors import DLJobsError, JobError
from .runs import Outcomes, Summary
from .utils import Timer

# What is sent to the core only where it was given; else the configuration decides.
_SETTINGS = (
    'cpus',
    'gpus',
    'cpu_job',
    'cpu_image',
    'gpu_image',
    'noisy',
    'save_results',
    'save_errors',
    'results_dir',
    'errors_dir',
    'log',
    'log_dir',
)


class DLJob(object):
    """
    A job. Return it from a job function, and ``dl_jobs run`` runs it; or call its ``run``.

    ``args_list``: any iterable, one element a task; a number n is ``range(n)``; a text is the path of a file.
    Without it the job is a single task, called with ``args=[...]`` and ``kwargs={...}``. What is None comes from the
    configuration.
    """

    @staticmethod
    def full_method_name(module_name, method_name):
        """``module.method``"""
        return '%s.%s' % (module_name, method_name)

    @staticmethod
    def get_method(module_name, method_name):
        """Imports the module and returns its function."""
        return getattr(importlib.import_module(module_name), method_name)

    def __init__(
        self,
        module_name,
        method_name='task',
        cpu_job=None,
        cpu_image=None,
        gpu_image=None,
        args_list=None,
        modules=None,
        requirements=None,
        data=None,
        cpus=None,
        gpus=None,
        platform_job=False,
        name=None,
        noisy=None,
        grouped_results=False,
        save_results=None,
        save_errors=None,
        results_dir=None,
        errors_dir=None,
        results_timestamp=True,
        log=None,
        log_dir=None,
        task_kwargs=None,
        *args,
        **kwargs
    ):
        given = dict(locals())
        self._given = {key: given[key] for key in _SETTINGS if given[key] is not None}
        for key in _SETTINGS:
            setattr(self, key, given[key] if given[key] is not None else _config.get(key))
        # As the core has it, which warns of it: who asks for GPUs alone has a GPU job.
        if cpu_job and self.gpus:
            self.gpus = 0
        elif gpus and cpu_job is None:
            self.cpu_job = False
        self.module_name = module_name
        self.method_name = method_name
        is_count = isinstance(args_list, numbers.Integral) and not isinstance(args_list, bool)
        self.args_list = range(args_list) if is_count else args_list
        self.modules = modules
        self.requirements = requirements
        self.data = data
        self.platform_job = bool(platform_job)
        self.grouped_results = bool(grouped_results)
        self.results_timestamp = results_timestamp
        self.task_kwargs = dict(task_kwargs or {})
        # Given by name they are the arguments themselves; the original stored them as entries of **kwargs.
        by_name = {key: kwargs.pop(key) for key in ('args', 'kwargs') if key in kwargs}
        self.args = list(by_name.get('args') or []) + list(args)
        self.kwargs = dict(by_name.get('kwargs') or {}, **kwargs)
        self.timer = Timer()
        now = datetime.now()
        self.start_timestamp = self.timer.now()
        # A program obeys platform_job alone; `dl_jobs run` obeys --dev as well.
        is_here = _config.is_used() and _config.get('is_dev')
        where = 'platform' if self.platform_job and not is_here else 'local'
        stamp = now.strftime('%Y%m%dT%H%M%S.') + '%03d' % (now.microsecond // 1000)
        self.name = name or 'dljob_%s-%s-%s' % (self.full_name, stamp, where)
        # What is changed after this is meant; a name of ours is not, for the core makes its own.
        self._first = {key: getattr(self, key) for key in _SETTINGS}
        self._made_name = None if name else self.name
        self.summary = None
        self.results_path = None
        self.errors_path = None
        self.log_file = None

    @property
    def full_name(self):
        """``module.method``"""
        return self.full_method_name(self.module_name, self.method_name)

    @property
    def method(self):
        """The task function itself: its module is imported."""
        return self.get_method(self.module_name, self.method_name)

    def run(self, values=True):
        """
        Runs the job, and waits for its end: on the platform of the configuration if ``platform_job``, else here.

        Here a single task gives its value, or raises TaskError; a list of tasks gives the list of their values, in
        order. A task of a list that failed stands there as a dict with ``ERROR``, ``ARGS``, ``KWARGS``, as in the
        errors file. On a platform, and without ``values``, the summary is returned; then nothing is held in memory.

        Raises DLJobsError for a job that is broken or was stopped, KeyboardInterrupt once it has ended after Ctrl-C.
        """
        return self._run(None, values)

    def local_run(self, values=True):
        """As ``run``, here, whatever ``platform_job`` says."""
        return self._run('local', values)

    def platform_run(self):
        """As ``run``, on the platform of the configuration, whatever ``platform_job`` says. Returns the summary."""
        return self._run('platform', False)

    def print_logs(self):
        """Prints what the tasks of the last run printed, each under ``logs[N]``."""
        if self.summary is not None:
            _ask({'do': 'print_logs', 'run': self.summary.paths['run']})

    @property
    def tasks(self):
        """The tasks of the last run that have an outcome, in order; read anew each time."""
        return [] if self.summary is None else self.summary.tasks()

    def _run(self, where, values):
        if where is None and _config.is_used() and _config.get('is_dev'):
            # Inside a job function `--dev` holds.
            where = 'local'
        elements = []
        spec = self.plain_spec(elements)
        is_single = self.args_list is None
        request = {'do': 'run', 'spec': spec, 'where': where, 'values': bool(values)}
        outcomes = Outcomes()
        self.timer.start()
        try:
            done = _ask(request, elements[0] if elements else None, outcomes.take)
        finally:
            self.timer.stop()
        self.summary = summary = Summary(done[0])
        if self.name is self._made_name:
            self.name = self._made_name = summary.name
        self.results_path = summary.paths['results']
        self.errors_path = summary.paths['errors']
        self.log_file = summary.paths['log']
        if not values or not summary.is_local:
            return summary
        if summary.status != 'finished' and not (summary.status == 'stopped' and not summary.failed):
            raise DLJobsError(
                'RUN_STOPPED',
                '%s: %s%s' % (self.full_name, summary.status, ', ' + summary.reason if summary.reason else ''),
                '`dl_jobs resume %s` goes on with it; its values so far are those of `job.tasks`.' % summary.id,
            )
        return outcomes.only(self.full_name, summary.id) if is_single else outcomes.values()

    def plain_spec(self, elements):
        """As ``spec``, in what JSON has, and with the exact text of a single task's arguments."""
        spec = self.spec(elements)
        plain = _plain(spec, self.full_name)
        if 'args' in spec:
            # A number of ours may be none of the core's, which hands the text on as it is.
            call = to_json({'args': spec['args'], 'kwargs': spec['kwargs']})
            plain['call'] = encoded(call).decode('utf-8').rstrip('\n')
        return plain

    def spec(self, elements):
        """
        This job as data for the core. An argument list that is not a number or a path is put into ``elements``, to be
        gone through there: it is never held as a whole.
        """
        spec = dict(
            self._given,
            **{key: getattr(self, key) for key in _SETTINGS if getattr(self, key) is not self._first[key]}
        )
        spec.update(
            module_name=self.module_name,
            method_name=self.method_name,
            platform_job=self.platform_job,
            grouped_results=self.grouped_results,
            results_timestamp=self.results_timestamp,
            task_kwargs=self.task_kwargs,
        )
        for key in ('modules', 'requirements', 'data'):
            value = getattr(self, key)
            if value is not None:
                spec[key] = value
        if self.name is not self._made_name:
            spec['name'] = self.name
        if self.args_list is None:
            spec.update(args=self.args, kwargs=self.kwargs)
            return spec
        if self.args or self.kwargs:
            raise JobError(
                'JOB_INVALID',
                '%s: expected args_list, or args and kwargs, got both' % self.full_name,
                'args and kwargs are for a single task; put them into the elements of args_list.',
            )
        if isinstance(self.args_list, str):
            spec['args_list'] = self.args_list
        elif isinstance(self.args_list, range) and self.args_list == range(len(self.args_list)):
            spec['args_list'] = len(self.args_list)
        else:
            elements.append(elements_of(self.args_list, self.full_name))
        return spec


def run(
    module_name,
    method_name='task',
    cpus=None,
    gpus=None,
    cpu_job=None,
    cpu_image=None,
    gpu_image=None,
    args=None,
    kwargs=None,
    args_list=None,
    dev=None,
    print_logs=None,
    noisy=None,
    module_dir=None,
):
    """
    What ``dl_jobs run module_name.method_name`` does: calls the job function with ``args`` and ``kwargs``, and runs
    the jobs that it returns. What is None comes from the configuration. Returns their summaries.

    ``args_list``: the path of a file of arguments, or the arguments, instead of those that the jobs have.
    """
    options = {
        'moduleName': module_name,
        'methodName': method_name,
        'cpus': cpus,
        'gpus': gpus,
        'cpuJob': cpu_job,
        'cpuImage': cpu_image,
        'gpuImage': gpu_image,
        'args': list(args or []),
        'kwargs': dict(kwargs or {}),
        'argsList': args_list if args_list is None or isinstance(args_list, str) else list(args_list) or None,
        'dev': dev,
        'printLogs': print_logs,
        'noisy': noisy,
        'moduleDir': module_dir,
    }
    given = {key: value for key, value in options.items() if value is not None}
    done = _ask({'do': 'call', 'options': _plain(given, '%s.%s' % (module_name, method_name))})
    return [Summary(one) for one in done]


def _plain(value, label):
    try:
        return json.loads(to_json(value))
    except InvalidResult as error:
        place = ''.join(reversed(error.where)).lstrip('.')
        raise JobError('JOB_INVALID', '%s: %s: %s' % (label, place, error.what), 'Arguments travel as JSON.') from None


def _ask(request, elements=None, on_value=None):
    # Starting the command is for those who run jobs: importing this module is not.
    from ._core import ask

    return ask(request, elements, on_value)
