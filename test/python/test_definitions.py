"""The guest's DLJob, config and constants: what users of the original read and write."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

from dl_jobs import config, constants
from dl_jobs._elements import Elements
from dl_jobs.job import DLJob


def specced(*args, **kwargs):
    """The spec of a job, and its argument list if that is gone through."""
    elements = []
    spec = DLJob(*args, **kwargs).spec(elements)
    return spec, [list(one) for one in elements]


class Jobs(unittest.TestCase):
    def setUp(self):
        config.use(config.DEFAULTS)

    def test_says_only_what_was_given(self):
        spec, elements = specced('a.b')
        self.assertEqual(
            spec,
            {
                'module_name': 'a.b',
                'method_name': 'task',
                'platform_job': False,
                'grouped_results': False,
                'results_timestamp': True,
                'task_kwargs': {},
                'args': [],
                'kwargs': {},
            },
        )
        self.assertEqual(elements, [])

    def test_takes_all_in_the_order_of_the_original(self):
        spec, elements = specced(
            'm', 'f', False, 'py36', 'py36_gpu', [1, 2], ['x'], ['numpy'], ['d/*'], 2, 3, True, 'name', False, True,
            'r', 'e', 'rd', 'ed', False, 'l', 'ld', {'memory': '1GB'},
        )  # fmt: skip
        self.assertEqual(
            spec,
            {
                'module_name': 'm', 'method_name': 'f', 'cpu_job': False, 'cpu_image': 'py36', 'gpu_image': 'py36_gpu',
                'modules': ['x'], 'requirements': ['numpy'], 'data': ['d/*'], 'cpus': 2, 'gpus': 3,
                'platform_job': True, 'name': 'name', 'noisy': False, 'grouped_results': True, 'save_results': 'r',
                'save_errors': 'e', 'results_dir': 'rd', 'errors_dir': 'ed', 'results_timestamp': False, 'log': 'l',
                'log_dir': 'ld', 'task_kwargs': {'memory': '1GB'},
            },
        )  # fmt: skip
        self.assertEqual(elements, [[1, 2]])

    def test_arguments_by_name_and_by_place(self):
        cases = [
            ({'args': [1, 'x'], 'kwargs': {'k': 2}}, [1, 'x'], {'k': 2}),
            ({'args': (1,)}, [1], {}),
            ({'kwargs': {'args': 3}}, [], {'args': 3}),
            ({'further': 4}, [], {'further': 4}),
        ]
        for given, args, kwargs in cases:
            with self.subTest(given):
                spec, _ = specced('m', **given)
                self.assertEqual((spec['args'], spec['kwargs']), (args, kwargs))

    def test_lists_of_arguments(self):
        cases = [
            (3, 3, []),
            ('file.ndjson', 'file.ndjson', []),
            ([], None, [[]]),
            ([range(3)], None, [[0, 1, 2]]),
            (range(2), 2, []),
            (range(1, 3), None, [[1, 2]]),
            ([iter('ab')], None, [['a', 'b']]),
            ((n for n in 'xy'), None, [['x', 'y']]),
            ([[1, 2]], None, [[[1, 2]]]),
            ({'a': 1}, None, [['a']]),
        ]
        for given, said, elements in cases:
            with self.subTest(repr(given)):
                spec, found = specced('m', args_list=given)
                self.assertEqual((spec.get('args_list'), found), (said, elements))
                self.assertNotIn('args', spec)
        with self.assertRaisesRegex(ValueError, 'got both'):
            specced('m', args_list=[1], args=[2])
        with self.assertRaisesRegex(ValueError, r'expected an iterable, .* got 1.5 \(float\)'):
            specced('m', args_list=1.5)

    def test_arrays_and_tables(self):
        try:
            import numpy
            import pandas
        except ImportError:
            self.skipTest('numpy and pandas are not installed')
        table = pandas.DataFrame({'id': [1, 2], 'name': ['ü', None], 'at': pandas.to_datetime(['2020-01-01', None])})
        rows = ['{"id":1,"name":"ü","at":"2020-01-01T00:00:00"}', '{"id":2,"name":null,"at":null}']
        cases = [
            (numpy.arange(2), ['0', '1']),
            (numpy.array([[1, 2], [3, 4]]), ['[1,2]', '[3,4]']),
            (table, rows),
            ([row for _, row in table.iterrows()], rows),
            (table.iterrows(), ['[0,%s]' % rows[0], '[1,%s]' % rows[1]]),
            (table.to_dict('records'), rows),
            (table['id'], ['1', '2']),
            ([pandas.NA, numpy.float32(0.5)], ['null', '0.5']),
            (table.groupby('id'), ['[1,[%s]]' % rows[0], '[2,[%s]]' % rows[1]]),
        ]
        for given, wanted in cases:
            with self.subTest(repr(given)):
                elements = []
                DLJob('m', args_list=given).spec(elements)
                lines, _ = Elements(elements[0]).take(10)
                self.assertEqual([json.loads(line) for line in lines], [json.loads(line) for line in wanted])
        self.assertEqual(specced('m', args_list=numpy.int64(3))[0]['args_list'], 3)

    def test_large_elements_make_small_pages(self):
        elements = Elements('x' * 400000 for _ in range(7))
        self.assertEqual([len(elements.take(500)[0]) for _ in range(3)], [3, 3, 1])

    def test_an_element_that_is_no_json_is_named(self):
        elements = Elements([1, {'a': [0, object]}])
        self.assertEqual(elements.take(5), (['1'], False))
        with self.assertRaisesRegex(ValueError, r'^args_list\[1\]\.a\[1\]: expected a value that JSON can hold'):
            elements.take(5)

    def test_attributes(self):
        job = DLJob('os.path', 'join', cpus=4, args=['a'])
        self.assertEqual(
            (job.cpus, job.gpus, job.cpu_job, job.noisy, job.results_dir, job.log_dir, job.tasks),
            (4, 0, True, True, 'results', 'logs', []),
        )
        self.assertIs(job.method, os.path.join)
        self.assertIs(DLJob.get_method('os.path', 'join'), os.path.join)
        self.assertEqual(DLJob.full_method_name('a', 'b'), 'a.b')
        self.assertRegex(job.name, r'^dljob_os\.path\.join-\d{8}T\d{6}\.\d{3}-local$')
        self.assertIsNone(job.results_path)

    def test_task_kwargs_are_the_jobs_own(self):
        given = {'a': 1}
        job = DLJob('m', task_kwargs=given)
        job.task_kwargs['b'] = 2
        self.assertEqual(given, {'a': 1})


class Config(unittest.TestCase):
    def tearDown(self):
        config._config = None
        config._is_used = False

    def test_defaults_without_a_file(self):
        config._config = None
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                known = {key: config.CONFIG[key] for key in config.DEFAULTS}
                images = {'cpu_image': constants.PY36, 'gpu_image': constants.PY36_GPU}
                self.assertEqual(known, dict(config.DEFAULTS, **images))
                self.assertEqual(config.get('default_method'), 'task')
                self.assertRaises(KeyError, config.get, 'nothing')
            finally:
                os.chdir(before)

    def test_where_the_command_is_not_installed(self):
        program = 'from dl_jobs import config; print(config.get("cpus"), config.get("cpu_image"))'
        package = os.path.dirname(os.path.dirname(config.__file__))

        def say(folder):
            return subprocess.run(
                [sys.executable, '-c', program],
                cwd=folder,
                env={'PATH': folder, 'PYTHONPATH': package},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                universal_newlines=True,
            )

        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(say(folder).stdout, '1 py36\n')
            with open(os.path.join(folder, 'dl_jobs.config.yaml'), 'w') as file:
                file.write('cpus: 3\n')
            said = say(folder)
            if importlib.util.find_spec('yaml'):
                self.assertEqual(said.stdout, '3 py36\n')
            else:
                self.assertIn('expected PyYAML or the command dl-jobs', said.stderr)

    def test_what_the_core_says(self):
        config.use({'cpus': 7})
        self.assertEqual(config.get('cpus'), 7)
        self.assertRaises(AttributeError, getattr, config, 'nothing')

    def test_constants(self):
        self.assertEqual(constants.IMAGES['py27_gpu'], constants.PY27_GPU)
        self.assertEqual(constants.PY37, 'us.gcr.io/dl-ci-cd/images/tasks/public/py3.7/default:v2019.02.12')
        self.assertEqual(sorted(constants.IMAGES), ['py27', 'py27_gpu', 'py36', 'py36_gpu', 'py37'])
        self.assertEqual(constants.DL_JOBS_CONFIG_PATH, 'dl_jobs.config.yaml')


if __name__ == '__main__':
    unittest.main()
