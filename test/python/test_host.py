"""The Python host as the worker drives it: see host_process.py.

Over 300 lines: one program under test.
"""

import json
import os
import socket
import sys
import unittest

from host_process import PYTHON, HostProcess


class HostTest(unittest.TestCase):
    def host(self, source, **options):
        return HostProcess(self, source, **options).ready()

    def test_results_come_as_records_of_the_documented_form(self):
        host = self.host('def task(x): return {"got": x}')
        host.start(['1', '"zwei\\nü\\u2028"', '{"__proto__": {"constructor": null}}'], first=41)
        records = host.finish()
        self.assertEqual([r['t'] for r in records], [41, 42, 43])
        self.assertEqual(
            [r['value']['got'] for r in records], [1, 'zwei\nü\u2028', {'__proto__': {'constructor': None}}]
        )
        for record in records:
            order = [key for key in record.order if key not in ('cpu', 'rss')]
            self.assertEqual(order, ['crc', 'v', 'k', 't', 'r', 'a', 's', 'at', 'd', 'value'])
            self.assertEqual((record['v'], record['k'], record['r'], record['a']), (1, 'end', 2, 3))

    def test_ready_names_the_runtime(self):
        host = HostProcess(self, 'def task(x): return x')
        self.assertEqual(
            host.message()[0], {'type': 'ready', 'runtime': 'python %d.%d.%d' % sys.version_info[:3]}
        )

    def test_values_that_json_lacks_are_null_or_invalid_and_harm_no_neighbour(self):
        host = self.host(
            '''
            def task(kind):
                if kind == 'cycle':
                    value = {'a': []}
                    value['a'].append(value)
                    return value
                return {'nan': [float('nan'), float('-inf')], 'none': None, 'big': 2 ** 70, 'complex': {'c': [0, 1j]},
                        'surrogate': '\\ud800', 'function': task}[kind]
            '''
        )
        by = dict(zip(['nan', 'cycle', 'none', 'big', 'complex', 'surrogate', 'function'],
                      host.run('nan', 'cycle', 'none', 'big', 'complex', 'surrogate', 'function')))  # fmt: skip
        self.assertEqual(by['nan']['value'], [None, None])
        self.assertEqual((by['none']['s'], by['none']['value']), ('ok', None))
        self.assertEqual(by['big']['value'], 2**70)
        self.assertEqual(by['surrogate']['value'], '\ud800')
        for kind, path in (('cycle', 'result.a[0]: '), ('complex', 'result.c[1]: '), ('function', 'result: ')):
            self.assertEqual((by[kind]['ft'], by[kind]['error']['type']), ('invalid', 'InvalidResult'))
            self.assertEqual(by[kind]['error']['message'][: len(path)], path)

    def test_error_results_are_returned_errors(self):
        source = 'def task(x): return x'
        host = self.host(source)
        records = host.run(
            'ERROR: no', 'error', {'ERROR': 'x'}, {'ERROR': ''}, '{"ERROR": "text"}', ['fine', 'ERROR'], ['["ERROR"]'], '[1'
        )
        self.assertEqual([r.get('ft', 'ok') for r in records],
                         ['returned', 'ok', 'returned', 'ok', 'returned', 'returned', 'ok', 'ok'])  # fmt: skip
        self.assertEqual(records[0]['value'], 'ERROR: no')
        self.assertEqual(records[4]['value'], {'ERROR': 'text'})
        self.assertEqual(records[6]['value'], [['ERROR']])
        order = [key for key in records[0].order if key not in ('cpu', 'rss')]
        self.assertEqual(order, ['crc', 'v', 'k', 't', 'r', 'a', 's', 'ft', 'at', 'd', 'value'])
        grouped = self.host(source, grouped=True).run(['ERROR'], ['{"a": 1}'], 'ERROR')
        self.assertEqual([r.get('ft', 'ok') for r in grouped], ['ok', 'ok', 'returned'])
        self.assertEqual(grouped[1]['value'], ['{"a": 1}'])

    def test_an_exception_shows_the_user_s_frames_by_the_user_s_paths(self):
        host = self.host(
            '''
            def inner(x):
                return {}[x]
            def task(x):
                try:
                    inner(x)
                except KeyError as error:
                    raise ValueError('bäd\\n' + x) from error
            '''
        )
        (record,) = host.run('key')
        self.assertEqual((record['s'], record['ft']), ('error', 'exception'))
        error = record['error']
        self.assertEqual((error['type'], error['message']), ('ValueError', 'bäd\nkey'))
        self.assertIn('File "/home/you/project/pkg/tasks.py", line 3, in inner', error['stack'])
        self.assertIn('KeyError', error['stack'])
        self.assertNotIn('_host.py', error['stack'])
        self.assertNotIn(host.root, error['stack'])

    def test_wrong_arguments_and_odd_exceptions_are_exceptions(self):
        host = self.host(
            '''
            class Odd(BaseException):
                def __str__(self): raise RuntimeError()
            def task(x, *more):
                if x == 'odd': raise Odd()
                if x == 'memory': raise MemoryError()
                if x == 'interrupt': raise KeyboardInterrupt()
                def deep(): return deep()
                deep()
            '''
        )
        records = host.run('odd', 'memory', 'interrupt', 'deep')
        self.assertEqual([r['error']['type'] for r in records],
                         ['Odd', 'MemoryError', 'KeyboardInterrupt', 'RecursionError'])  # fmt: skip
        self.assertEqual(self.host('def task(): pass').run(1)[0]['error']['type'], 'TypeError')

    def test_a_line_that_is_no_json_fails_alone(self):
        host = self.host('def task(x): return x')
        host.start(['1', '{"a":', '2', '3,4'])
        self.assertEqual([r['s'] for r in host.finish()], ['ok', 'error', 'ok', 'error'])

    def test_async_functions_are_run_on_one_loop(self):
        host = self.host(
            '''
            import asyncio
            loops = set()
            async def task(x):
                loops.add(asyncio.get_running_loop())
                await asyncio.sleep(0)
                if x == 'bad': raise ValueError(x)
                return [x, len(loops)]
            '''
        )
        records = host.run('a', 'bad', 'b')
        self.assertEqual([r.get('value') for r in records], [['a', 1], None, ['b', 1]])
        self.assertNotIn('asyncio', records[1]['error']['stack'].split('pkg/tasks.py')[0])

    def test_single_calls_spread_or_hand_over_their_arguments(self):
        source = '''
            def task(*args, **kwargs): return [args, kwargs]
            def marked(args, kwargs): return [kwargs, args]
            marked.__dl_expand_args__ = True
            '''
        words = {'args': [1, 2], 'kwargs': {'k': 3}}
        self.assertEqual(self.host(source, call='single').run(words)[0]['value'], [[1, 2], {'k': 3}])
        self.assertEqual(self.host(source, call='single', method='marked').run(words)[0]['value'], [{'k': 3}, [1, 2]])

    def test_a_process_that_dies_has_sent_what_was_done_before_the_batch_and_leaves_its_output(self):
        for how, code in (('os.abort()', -6), ('os._exit(9)', 9), ('sys.exit(3)', 3), ('sys.exit("why")', 1)):
            host = self.host('import os, sys\ndef task(x):\n  if x:\n    print("last words")\n    %s\n  return x' % how)
            self.assertEqual(len(host.run(0, 0)), 2)
            host.start(['1'])
            self.assertEqual(host.finish(), [], how)
            self.assertEqual(host.process.wait(60), code, how)
            self.assertIn(b'last words', host.log())
            if code == -6:
                self.assertIn(b'Fatal Python error', host.log())

    def test_sys_exit_sends_the_finished_records_of_its_batch(self):
        host = self.host('import sys\ndef task(x):\n  if x == 2: sys.exit()\n  return x')
        self.assertEqual([r['value'] for r in host.run(0, 1, 2, 3)], [0, 1])
        self.assertEqual(host.process.wait(60), 0)

    def test_output_is_attributed_to_its_task(self):
        host = self.host(
            '''
            import os, subprocess, sys
            print('at import')
            def task(x):
                if x == 'print': print('from print', end='')
                if x == 'megabyte': print('y' * 1048575)
                if x == 'stderr': sys.stderr.write('to stderr \\ud800\\n')
                if x == 'child': subprocess.call(['echo', 'from child'])
                if x == 'native': os.write(1, b'raw')
                if x == 'buffer': sys.stdout.buffer.write(b'buffered')
            '''
        )
        # Once in the first batch, and once after the host has found its tasks to be fast.
        for kinds in (['print', 'x', 'megabyte', 'stderr', 'child', 'native', 'buffer', 'x'],
                      ['x'] * 500, ['x', 'print', 'megabyte', 'x', 'child', 'x']):  # fmt: skip
            for kind, record in zip(kinds, host.run(*kinds)):
                if kind == 'x':
                    self.assertNotIn('log', record)
                    continue
                self.assertEqual(
                    host.logged(record),
                    {
                        'print': b'from print',
                        'megabyte': b'y' * 1048575 + b'\n',
                        'stderr': b'to stderr \\ud800\n',
                        'child': b'from child\n',
                        'native': b'raw',
                        'buffer': b'buffered',
                    }[kind],
                )

    def test_fast_tasks_are_not_measured_but_a_child_s_output_among_them_is_found(self):
        host = self.host(
            'import subprocess\ndef task(x):\n  if x: subprocess.call(["echo", "hello"])\n  return x'
        )
        host.run(*[0] * 300)
        records = host.run(*([0] * 150 + [1] + [0] * 150))
        self.assertEqual(host.logged(records[150]), b'hello\n')
        self.assertEqual([r['t'] for r in records if 'log' in r], [150])

    def quick_host(self, source, **options):
        """A host that has found its tasks to be fast."""
        host = self.host(source, **options)
        host.run(*[0] * 300)
        self.assertGreater(host.shared, 0)
        host.digests.clear()
        return host

    def test_fast_tasks_share_records_and_each_keeps_its_own_value(self):
        host = self.quick_host(
            '''
            shared = {'n': 0}
            def task(x):
                shared['n'] += 1
                if x == 'shared': return shared
                if x == 'nan': return float('nan')
                if x == 'coroutine': return later(x)
                return x
            async def later(x): return x
            '''
        )
        for values in (
            [1, -2, 0], [None, None, None], [1, True, None, 1.5, 'a', -0.0], ['a,b', 'c\nd', '"', '\\', 'é\u2028\ud800', ''],
            [[1], {'a': [1, 2]}, 3, {'b': 'x\ny'}, None, '[1'], [2**70, 1], ['x' * 300, 1, 2, 'y' * 200, '\n' * 200, 1],
            [1, ['z' * 300], 2], ['coroutine', 1, 'coroutine'],
        ):  # fmt: skip
            self.assertEqual([r['value'] for r in host.run(*values)], values)
        self.assertEqual([r['value'] for r in host.run(1, 'nan', 2.5)], [1, None, 2.5])
        first, second = host.run('shared', 'shared')
        self.assertEqual(second['value']['n'], first['value']['n'] + 1)

    def test_a_failure_among_fast_tasks_is_that_of_its_task(self):
        host = self.quick_host(
            '''
            def task(x):
                if x == 'raise': raise ValueError()
                if x == 'big': return 1 << 100000
                if x == 'function': return task
                return x
            '''
        )
        kinds = [1, 2, 'raise', 3, 'ERROR', 4, {'ERROR': 1}, 5, 'function', 6, '["ERROR"]', 7]
        records = host.run(*kinds)
        self.assertEqual([r['t'] for r in records], list(range(12)))
        self.assertEqual([r.get('ft', 'ok') for r in records],
                         ['ok', 'ok', 'exception', 'ok', 'returned', 'ok', 'returned', 'ok', 'invalid', 'ok', 'returned', 'ok'])  # fmt: skip
        if hasattr(sys, 'get_int_max_str_digits'):
            records = host.run(1, 2, 'big', 3, 4)
            self.assertEqual([r.get('ft', 'ok') for r in records], ['ok', 'ok', 'invalid', 'ok', 'ok'])
            self.assertEqual(records[2]['error']['type'], 'InvalidResult')
        host.start(['1', '2', '{', '3', '4'])
        self.assertEqual([r.get('ft', 'ok') for r in host.finish()], ['ok', 'ok', 'exception', 'ok', 'ok'])

    def test_plain_answers_come_with_the_lines_of_the_results_and_the_log(self):
        host = self.quick_host('def task(x): return x', digests='results and log')
        host.start(['1', 'null', '"é"', '{"a":[null]}'], first=70)
        self.assertEqual([r['value'] for r in host.finish()], [1, None, 'é', {'a': [None]}])
        self.assertEqual(
            host.digests, [(4, '1\n"é"\n{"a":[null]}\n', '[70] RESULT 1\n[72] RESULT "é"\n[73] RESULT {"a":[null]}\n')]
        )
        host.run(None, None)
        self.assertEqual(host.digests[1:], [(2, '', '')])
        for value in ('ERROR', 'x' * 300, [1], '[1]'):
            host.digests.clear()
            host.run(1, value, 2)
            self.assertEqual(host.digests, [], value)
        grouped = self.quick_host('def task(x): return x', digests='results', grouped=True)
        grouped.run([1], 2)
        self.assertEqual(grouped.digests, [(2, '[1]\n2\n', '')])

    def test_printing_tasks_have_no_digest(self):
        host = self.quick_host('def task(x):\n  if x: print(x)\n  return x', digests='results')
        records = host.run(0, 'a', 0)
        self.assertEqual(host.digests, [])
        self.assertEqual(host.logged(records[1]), b'a\n')

    def test_an_invalid_result_that_as_json_meets_is_invalid(self):
        source = 'from dl_jobs.decorators import as_json\n@as_json\ndef task(x): return {"a": task if x else 1}'
        for host in (self.host(source), self.quick_host(source)):
            record, good = host.run(1, 0)
            self.assertEqual((record['ft'], record['error']['type']), ('invalid', 'InvalidResult'))
            self.assertEqual(record['error']['message'][:10], 'result.a: ')
            self.assertEqual(good['value'], {'a': 1})

    def test_slow_tasks_that_follow_fast_ones_are_measured(self):
        host = self.quick_host('import time\ndef task(x):\n  if x: time.sleep(0.002)\n  return x')
        records = host.run(0, 0, 1, 1, 0)
        self.assertEqual([r['t'] for r in records], [0, 1, 2, 3, 4])
        self.assertIn('rss', records[2])
        self.assertIn('cpu', records[3])

    def test_modules_of_the_user_s_named_like_python_s_do_no_harm(self):
        names = ('json', 'traceback', 'signal', 'linecache', 'tokenize', 'textwrap')
        host = self.host('def task(x): return {}[x]', module='tasks', files=[(n + '.py', 'x = 1') for n in names])
        error = host.run('a')[0]['error']
        self.assertEqual((error['type'], error['message']), ('KeyError', "'a'"))
        self.assertIn('line 1, in task', error['stack'])

    def test_values_of_megabytes_pass(self):
        host = self.host('def task(x): return x * 5000000 if len(x) == 1 else x')
        records = host.run('é', 'x' * 3000000)
        self.assertEqual(records[0]['value'], 'é' * 5000000)
        self.assertEqual(records[1]['value'], 'x' * 3000000)

    def test_every_task_of_many_batches_is_answered_once_and_in_order(self):
        host = self.host('def task(x): return x')
        seen = []
        for batch in range(20):
            host.start(['%d' % n for n in range(256)], first=batch * 256)
            seen += [r['t'] for r in host.finish()]
        self.assertEqual(seen, list(range(20 * 256)))
        host.start([])
        self.assertEqual(host.finish(), [])

    def test_the_host_ends_when_the_pipe_closes_whatever_threads_there_are(self):
        host = self.host(
            '''
            import threading, time
            def task(x):
                threading.Thread(target=time.sleep, args=(1000,)).start()
            '''
        )
        host.run(1)
        host.socket.shutdown(socket.SHUT_RDWR)
        self.assertEqual(host.process.wait(60), 0)

    def test_a_forked_child_that_returns_answers_nothing(self):
        host = self.host('import os\ndef task(x):\n  pid = os.fork()\n  if pid: os.waitpid(pid, 0)\n  return x')
        self.assertEqual([r['value'] for r in host.run(5)], [5])
        self.assertEqual([r['value'] for r in host.run(6)], [6])

    def fatal(self, source, **options):
        host = HostProcess(self, source, **options)
        header, _ = host.message()
        self.assertEqual(header['type'], 'fatal')
        self.assertIsNone(host.message())
        host.process.wait(60)
        return host, header

    def test_a_missing_function_names_those_there_are(self):
        source = 'from os import getcwd\ndef a(): 1\ndef _b(): 1\nasync def c(): 1\nclass D: pass\nnumber = 1'
        for method in ('task', 'number', '__proto__'):
            _, header = self.fatal(source, method=method)
            self.assertEqual((header['reason'], header['names']), ('missing', ['a', 'c']))
        self.assertEqual(header['error']['message'], 'module `pkg.tasks` has no function `__proto__`')

    def test_a_module_that_cannot_be_loaded_says_where(self):
        for source, kind, where in (
            ('def task(:', 'SyntaxError', 'File "/home/you/project/pkg/tasks.py", line 1'),
            ('x = 1\n1 / 0', 'ZeroDivisionError', 'File "/home/you/project/pkg/tasks.py", line 2, in <module>'),
            ('import no_such_thing', 'ModuleNotFoundError', 'File "/home/you/project/pkg/tasks.py", line 1'),
            ('raise SystemExit(0)', 'SystemExit', 'line 1'),
        ):
            host, header = self.fatal(source)
            self.assertEqual((header['reason'], header['error']['type']), ('load', kind))
            self.assertIn(where, header['error']['stack'])
            for word in ('_host.py', 'importlib', host.root):
                self.assertNotIn(word, header['error']['stack'])

    def test_the_world_looks_as_in_a_plain_program(self):
        host = self.host(
            '''
            import os, sys, __main__
            def task(x):
                return {'path': sys.path[:2], 'argv': sys.argv, 'cwd': os.getcwd(), 'main': sorted(vars(__main__)),
                        'numpy': 'numpy' in sys.modules, 'ours': [n for n in sys.modules if n in ('_values', '_host', '_serve', '_task', '_records')]}
            '''
        )
        value = host.run(0)[0]['value']
        self.assertEqual(value['path'][0], host.root)
        self.assertEqual(os.path.realpath(value['path'][1]), os.path.realpath(PYTHON))
        self.assertEqual(value['argv'], [os.path.join(host.root, 'pkg', 'tasks.py')])
        self.assertEqual(os.path.realpath(value['cwd']), os.path.realpath(os.path.dirname(host.root)))
        self.assertFalse([name for name in value['main'] if not name.startswith('__')])
        self.assertEqual((value['numpy'], value['ours']), (False, []))
        self.assertFalse([name for _, folders, _ in os.walk(host.root) for name in folders if name == '__pycache__'])

    def test_dl_jobs_is_our_package_also_where_the_project_has_that_name(self):
        host = self.host(
            'import dl_jobs\ndef task(x): return dl_jobs.__file__', files=[('dl_jobs/__init__.py', 'raise Exception()')]
        )
        self.assertEqual(os.path.realpath(host.run(0)[0]['value']),
                         os.path.realpath(os.path.join(PYTHON, 'dl_jobs', '__init__.py')))  # fmt: skip

    def test_a_module_named_like_one_of_python_s_is_loaded_by_its_file(self):
        host = self.host('def task(x): return "mine"', module='types')
        self.assertEqual(host.run(0)[0]['value'], 'mine')

    def test_multiprocessing_works_in_a_task(self):
        for method in ('fork', 'spawn'):
            host = self.host(
                '''
                import multiprocessing
                def square(x): return x * x
                def task(method):
                    with multiprocessing.get_context(method).Pool(2) as pool:
                        return pool.map(square, range(4))
                '''
            )
            self.assertEqual(host.run(method)[0].get('value'), [0, 1, 4, 9], method)


if __name__ == '__main__':
    unittest.main()
