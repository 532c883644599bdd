import asyncio
import functools
import json
import subprocess
import sys
import unittest

from dl_jobs import decorators
from dl_jobs.decorators import as_json, attempt, expand_args, is_expanding
from shared_cases import cases


def function_of(case, is_async):
    def task(*args, **kwargs):
        if 'throws' in case:
            raise RuntimeError(case['throws'])
        if 'returns' in case:
            return case['returns']
        return {'args': list(args), 'kwargs': kwargs}

    async def async_task(*args, **kwargs):
        await asyncio.sleep(0)
        return task(*args, **kwargs)

    function = async_task if is_async else task
    for name in reversed(case['wrap']):
        function = getattr(decorators, name)(function)
    return function


class SharedCases(unittest.TestCase):
    def check(self, result, case):
        self.assertEqual(json.dumps(result), json.dumps(case['result']))

    def test_the_shared_cases(self):
        for case in cases('decorators'):
            with self.subTest(case['title']):
                before = json.dumps(case['call'])
                self.check(function_of(case, False)(*case['call']), case)
                self.assertEqual(json.dumps(case['call']), before)

    def test_the_shared_cases_async(self):
        for case in cases('decorators'):
            with self.subTest(case['title']):
                function = function_of(case, True)
                self.assertTrue(asyncio.iscoroutinefunction(function))
                self.check(asyncio.run(function(*case['call'])), case)


class Keywords(unittest.TestCase):
    def setUp(self):
        self.record = lambda *args, **kwargs: {'args': list(args), 'kwargs': kwargs}

    def test_args_and_kwargs_by_name(self):
        f = expand_args(self.record)
        self.assertEqual(f(args=[1, 2], kwargs={'k': 3}), {'args': [1, 2], 'kwargs': {'k': 3}})
        self.assertEqual(f(args=[1]), {'args': [1], 'kwargs': {}})
        self.assertEqual(f(kwargs={'k': 3}), {'args': [], 'kwargs': {'k': 3}})
        self.assertEqual(f([1], kwargs={'k': 3}), {'args': [1], 'kwargs': {'k': 3}})
        self.assertEqual(f(args={'k': 3}), {'args': [], 'kwargs': {'k': 3}})
        self.assertEqual(f((1, 2)), {'args': [1, 2], 'kwargs': {}})
        self.assertEqual(f(args='word'), {'args': ['word'], 'kwargs': {}})

    def test_a_direct_call(self):
        f = expand_args(self.record)
        self.assertEqual(f(1, 2, k=3), {'args': [1, 2], 'kwargs': {'k': 3}})
        self.assertEqual(f(1, 2), {'args': [1, 2], 'kwargs': {}})
        self.assertEqual(f(k=3), {'args': [], 'kwargs': {'k': 3}})

    def test_attempt_tells_the_keywords(self):
        @attempt
        def fails(a, k):
            raise KeyError()

        self.assertEqual(fails(1, k=2), {'ERROR': 'KeyError', 'ARGS': [1], 'KWARGS': {'k': 2}})

    def test_attempt_lets_an_exit_pass(self):
        with self.assertRaises(SystemExit):
            attempt(sys.exit)(1)

    def test_return_as_dict_by_name(self):
        f = as_json(attempt(expand_args(self.record)))
        self.assertEqual(f([1], return_as_dict=True), {'args': [1], 'kwargs': {}})
        kwargs = {'k': 1, 'return_as_dict': True}
        self.assertEqual(f(args=[1], kwargs=kwargs), {'args': [1], 'kwargs': {'k': 1}})
        self.assertEqual(kwargs, {'k': 1, 'return_as_dict': True})


class Marks(unittest.TestCase):
    def test_the_mark_is_carried(self):
        def segment(a):
            """Says what."""

        f = as_json(attempt(expand_args(segment)))
        self.assertTrue(f.__dl_expand_args__)
        self.assertTrue(is_expanding(f))
        self.assertFalse(is_expanding(as_json(attempt(segment))))
        self.assertEqual((f.__name__, f.__doc__), ('segment', 'Says what.'))

    def test_partials_and_callable_objects(self):
        class Task:
            async def __call__(self, a):
                raise ValueError('no')

        async def add(a, b):
            return a + b

        self.assertEqual(asyncio.run(attempt(Task())(1))['ERROR'], 'no')
        self.assertEqual(asyncio.run(as_json(functools.partial(add, 1))(2)), '3')
        self.assertEqual(asyncio.run(as_json(lambda: add(1, 2))()), '3')

        async def fails():
            raise ValueError('late')

        self.assertEqual(asyncio.run(attempt(lambda: fails())())['ERROR'], 'late')


class Json(unittest.TestCase):
    def test_values_are_converted_as_results_are(self):
        self.assertEqual(as_json(lambda: [float('nan'), (1, 2), {3}, b'x'])(), '[null,[1,2],[3],"eA=="]')

    def test_what_json_cannot_hold_is_refused(self):
        with self.assertRaises(Exception):
            as_json(lambda: object())()


class Import(unittest.TestCase):
    def test_the_package_imports_nothing_and_prints_nothing(self):
        code = 'import sys; before = set(sys.modules); import dl_jobs; print(sorted(set(sys.modules) - before))'
        out = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
        self.assertEqual(out.stdout.decode().strip(), "['dl_jobs']")


if __name__ == '__main__':
    unittest.main()
