"""The table of calls for what `DLJob` is before it runs: its arguments, their defaults, and the attributes users read."""

import inspect
import os.path
import re
import unittest

from dl_jobs import config
from dl_jobs.job import DLJob
from dl_jobs.utils import Timer
from seed_rows import Raises, calls_of, check, parameters

# As the sheet lists them; what follows is `*args, **kwargs`.
ORDER = (
    'module_name method_name cpu_job cpu_image gpu_image args_list modules requirements data cpus gpus platform_job '
    'name noisy grouped_results save_results save_errors results_dir errors_dir results_timestamp log log_dir '
    'task_kwargs'
).split()
ATTRIBUTES = (
    'platform_job timer module_name method_name method start_timestamp name grouped_results save_results save_errors '
    'results_dir errors_dir results_timestamp log log_dir noisy cpus gpus cpu_job cpu_image gpu_image args kwargs '
    'args_list modules requirements data task_kwargs tasks results_path errors_path log_file'
).split()

# A value of its own for each, in that order.
GIVEN = [
    'os.path', 'join', False, 'py37', 'py27_gpu', [['a', 'b']], ['os'], ['numpy'], ['data/*'], 2, 3, True,
    'mine', False, True, 'r', 'e', 'rd', 'ed', False, 'l', 'ld', {'memory': '1GB'},
]  # fmt: skip

ROWS = [
    (
        '`DLJob.get_method(module_name, method_name)` (import and getattr)',
        [
            ("DLJob.get_method('os.path', 'join') is join", True),
            ("DLJob.get_method(module_name='os.path', method_name='join') is join", True),
            ("DLJob.get_method('no_such_module', 'task')", Raises(ImportError, 'no_such_module')),
            ("DLJob.get_method('os.path', 'no_such_name')", Raises(AttributeError, 'no_such_name')),
            ("DLJob('m').get_method('os.path', 'join') is join", True),
        ],
    ),
    (
        '`DLJob.full_method_name(a, b)` = `a.b`',
        [
            ("DLJob.full_method_name('a', 'b')", 'a.b'),
            ("DLJob.full_method_name('a.b', 'c')", 'a.b.c'),
            ("DLJob('m').full_method_name('a', 'b')", 'a.b'),
        ],
    ),
    (
        'README: only `module_name` is required',
        [("DLJob('a.b').module_name", 'a.b'), ('DLJob()', Raises(TypeError, 'module_name'))],
    ),
    (
        'The defaults of the signature',
        [
            ("DLJob('m').method_name", 'task'),
            ("DLJob('m').args_list", None),
            ("DLJob('m').modules", None),
            ("DLJob('m').requirements", None),
            ("DLJob('m').data", None),
            ("DLJob('m').platform_job", False),
            ("DLJob('m').noisy", True),
            ("DLJob('m').grouped_results", False),
            ("DLJob('m').results_timestamp", True),
            ("DLJob('m').task_kwargs", {}),
            ("DLJob('m').args", []),
            ("DLJob('m').kwargs", {}),
        ],
    ),
    (
        'Defaults: `cpus 1, gpus 0, cpu_job True, cpu_image py36, gpu_image py36_gpu, …`',
        [
            ("DLJob('m').cpus", 1),
            ("DLJob('m').gpus", 0),
            ("DLJob('m').cpu_job", True),
            ("DLJob('m').cpu_image", 'py36'),
            ("DLJob('m').gpu_image", 'py36_gpu'),
            ("DLJob('m').save_results", True),
            ("DLJob('m').save_errors", True),
            ("DLJob('m').results_dir", 'results'),
            ("DLJob('m').errors_dir", 'errors'),
            ("DLJob('m').log", True),
            ("DLJob('m').log_dir", 'logs'),
        ],
    ),
    (
        'The order of the arguments',
        [('DLJob(*GIVEN).%s' % name, value) for name, value in zip(ORDER, GIVEN)],
    ),
    (
        'Callers give single-task arguments by name: `args=[...]`, `kwargs={...}`',
        [
            ("DLJob('m', args=[3, 'x']).args", [3, 'x']),
            ("DLJob('m', kwargs={'k': 1}).kwargs", {'k': 1}),
            ("job = DLJob('m', args=[1], kwargs={'k': 2}); (job.args, job.kwargs)", ([1], {'k': 2})),
        ],
    ),
    (
        'README: *args, **kwargs: for method when launching a single job',
        [
            ("DLJob(*GIVEN, 4, 'b').args", [4, 'b']),
            ("DLJob('m', further=4).kwargs", {'further': 4}),
            ("DLJob('m', 'task', k=1, cpus=2).kwargs", {'k': 1}),
        ],
    ),
    (
        'Name: `dljob_<module>.<method>-<timestamp with _ for blanks>` plus `-platform` or `-local`',
        [
            (r"bool(match(r'dljob_a\.b\.task-\d{8}T\d{6}\.\d{3}-local$', DLJob('a.b').name))", True),
            (r"bool(match(r'dljob_m\.f-[\w.-]+-local$', DLJob('m', 'f').name))", True),
            ("DLJob('m', name='mine').name", 'mine'),
        ],
    ),
    (
        '`args_list` as an int is `range(n)`',
        [
            ("DLJob('m', args_list=3).args_list", range(3)),
            ("DLJob('m', args_list=0).spec([])['args_list']", 0),
            ("DLJob('m', args_list='a.ndjson').args_list", 'a.ndjson'),
            ("job = DLJob('m', args_list=range(1, 3)); out = []; job.spec(out); list(out[0])", [1, 2]),
        ],
    ),
    (
        'Warnings: `cpu_job` with gpus > 0 → gpus set to 0',
        [
            ("DLJob('m', cpu_job=True, gpus=2).gpus", 0),
            ("job = DLJob('m', cpu_job=False, gpus=2); (job.cpu_job, job.gpus)", (False, 2)),
            ("job = DLJob('m', gpus='a100:2'); (job.cpu_job, job.gpus)", (False, 'a100:2')),
        ],
    ),
    (
        'Attributes users read',
        [
            ("DLJob('os.path', 'join').method is join", True),
            ("type(DLJob('m').timer)", Timer),
            (r"bool(match(r'[A-Z]\w\w \d\d \d{4} \d\d:\d\d:\d\d$', DLJob('m').start_timestamp))", True),
        ]
        + [("hasattr(DLJob('m'), %r)" % name, True) for name in ('tasks', 'results_path', 'errors_path', 'log_file')],
    ),
]

CONFIGURED = [
    (
        'What has no default here takes it from the config',
        [
            ("configure(cpus=7); DLJob('m').cpus", 7),
            ("configure(gpus=2); DLJob('m', cpu_job=False).gpus", 2),
            ("configure(cpu_job=False); DLJob('m').cpu_job", False),
            ("configure(cpu_image='py27'); DLJob('m').cpu_image", 'py27'),
            ("configure(gpu_image='py27_gpu'); DLJob('m').gpu_image", 'py27_gpu'),
            ("configure(save_results=False); DLJob('m').save_results", False),
            ("configure(save_errors='e'); DLJob('m').save_errors", 'e'),
            ("configure(results_dir='rd'); DLJob('m').results_dir", 'rd'),
            ("configure(errors_dir='ed'); DLJob('m').errors_dir", 'ed'),
            ("configure(log=False); DLJob('m').log", False),
            ("configure(log_dir='ld'); DLJob('m').log_dir", 'ld'),
            ("configure(cpus=7); DLJob('m', cpus=2).cpus", 2),
            ("configure(save_results=True); DLJob('m', save_results=False).save_results", False),
        ],
    ),
    (
        'plus `-platform` or `-local`',
        [
            ("configure(is_dev=False); DLJob('m', platform_job=True).name[-9:]", '-platform'),
            ("configure(is_dev=False); DLJob('m').name[-6:]", '-local'),
            ("configure(is_dev=True); DLJob('m', platform_job=True).name[-6:]", '-local'),
        ],
    ),
]


def configure(**settings):
    config.use(dict(config.DEFAULTS, **settings))


NAMES = {'DLJob': DLJob, 'GIVEN': GIVEN, 'configure': configure, 'join': os.path.join, 'match': re.match}


class SeedJob(unittest.TestCase):
    def setUp(self):
        self.addCleanup(setattr, config, '_config', config._config)
        self.addCleanup(setattr, config, '_is_used', config._is_used)
        configure()

    def test_each_call_gives_what_the_sheet_says(self):
        check(self, ROWS, NAMES)

    def test_what_the_configuration_says(self):
        check(self, CONFIGURED, NAMES)

    def test_each_attribute_has_a_row(self):
        mentioned = set(re.findall(r"(?:\.|, ')(\w+)", ' '.join(calls_of(ROWS))))
        self.assertEqual(sorted(set(ATTRIBUTES) - mentioned), [])

    def test_the_arguments_stand_as_the_sheet_lists_them(self):
        *named, args, kwargs = parameters(DLJob)
        self.assertEqual([name for name, _, _ in named], ORDER)
        self.assertEqual({kind for _, kind, _ in named}, {inspect.Parameter.POSITIONAL_OR_KEYWORD})
        self.assertEqual(args[:2], ('args', inspect.Parameter.VAR_POSITIONAL))
        self.assertEqual(kwargs[:2], ('kwargs', inspect.Parameter.VAR_KEYWORD))


if __name__ == '__main__':
    unittest.main()
