"""What a Python host says of its tasks besides their outcome, as the Node host in test/worker/node-host.test.ts.

Also what only Python has: running out of memory as an exception.
"""

import json
import os
import sys
import time
import unittest

from host_process import HostProcess
from shared_cases import cases

TABLES = cases('hosts')

MIXED = '''
    def task(arg):
        if arg['do'] == 'throw':
            kind = type(arg['type'], (Exception,), {}) if 'type' in arg else ValueError
            raise kind(arg['text'])
        if arg['do'] == 'invalid':
            return {arg['text']: task}
        return arg['value']
    '''


class HostWatchTest(unittest.TestCase):
    def host(self, source, **options):
        return HostProcess(self, source, **options).ready()

    def wait_for(self, found):
        while not found():
            time.sleep(0.005)

    def test_a_task_that_will_be_tried_again(self):
        batch = [
            {'do': 'return', 'value': 'ok'},
            {'do': 'throw', 'text': 'x' * 70000},  # sent at once: positions count from the begin of the batch
            {'do': 'return', 'value': 1},
            {'do': 'return', 'value': 'ERROR'},
            {'do': 'invalid', 'text': 'a'},
            {'do': 'throw', 'text': 'e'},
            {'do': 'return', 'value': []},
        ]
        for case in TABLES['again']:
            with self.subTest(case['title']):
                host = self.host(MIXED, retries=case['retries'], retryOn=case['retryOn'])
                # Once measured one by one, and once after the host has found its tasks to be fast.
                for warm in ([], [{'do': 'return', 'value': 1}] * 300):
                    host.run(*warm)
                    host.again = []
                    host.start([json.dumps(arg) for arg in batch], first=40, attempt=case['attempt'])
                    records = host.finish()
                    self.assertEqual([r['t'] - 40 for r in records if r.get('fin') is False], case['again'])
                    self.assertEqual(host.again, case['again'])
                    self.assertEqual([r.get('ft', 'ok') for r in records],
                                     ['ok', 'exception', 'ok', 'returned', 'invalid', 'exception', 'ok'])  # fmt: skip
                    for record in records:
                        if 'fin' in record:
                            self.assertEqual(record.order[6:10], ['s', 'ft', 'fin', 'at'])

    def test_an_invalid_result_among_fast_ones_is_tried_again(self):
        host = self.host(
            'def task(x): return 1 << 100000 if x == 2 else x', retries=1, retryOn=['invalid'], redact=['JSON']
        )
        if not hasattr(sys, 'get_int_max_str_digits'):
            self.skipTest('this Python writes integers of any length')
        host.start(['0'] * 300, attempt=1)
        host.finish()
        host.start(['1', '2', '3'], attempt=1)
        records = host.finish()
        self.assertEqual([r.get('fin') for r in records], [None, False, None])
        self.assertEqual(host.again, [1])
        self.assertIn('a value that **** can hold', records[1]['error']['message'])

    def test_the_progress_file_names_the_task_that_runs(self):
        for source in (
            'import os\ndef task(file):\n  while file and not os.path.exists(file): pass',
            'import asyncio, os\nasync def task(file):\n  while file and not os.path.exists(file): await asyncio.sleep(0)',
        ):
            host = self.host(source, progress=True)
            # Fast tasks are run in another way; the progress is that of each.
            host.run(*[None] * 300)
            release = os.path.join(host.root, 'release')
            before = time.monotonic() * 1000
            host.start(['null', 'null', json.dumps(release), 'null'], first=1000)
            self.wait_for(lambda: host.progress()[:2] == (2, 2))
            start = host.progress()[2]
            self.assertLessEqual(before, start)
            self.assertLessEqual(start, time.monotonic() * 1000)
            with open(release, 'w'):
                pass
            self.assertEqual(len(host.finish()), 4)
            self.assertEqual(host.progress()[:2], (2, 3))
            # Whether its lines are sound or not.
            host.start(['}', 'null'])
            self.assertEqual([r['s'] for r in host.finish()], ['error', 'ok'])
            self.assertEqual(host.progress()[:2], (3, 1))

    def test_the_stack_of_a_watched_task_begins_with_the_user_s_frame(self):
        host = self.host('def task(x): return {}[x]', progress=True)
        lines = host.run('a')[0]['error']['stack'].split('\n')
        self.assertEqual(lines[:2], ['Traceback (most recent call last):',
                                     '  File "/home/you/project/pkg/tasks.py", line 1, in task'])  # fmt: skip

    def test_the_progress_file_is_not_inherited_by_the_children_of_a_task(self):
        host = self.host(
            '''
            import subprocess
            script = 'for fd in 3 4 5; do if [ -e /dev/fd/$fd ]; then echo $fd; fi; done'
            def task(x): return subprocess.check_output(['sh', '-c', script], close_fds=False).decode()
            ''',
            progress=True,
        )
        self.assertEqual([r.get('value') for r in host.run(1)], [''])

    def test_what_ended_has_left_before_a_task_that_does_not_end(self):
        host = self.host(
            '''
            import time
            def task(seconds):
                end = time.perf_counter() + seconds
                while time.perf_counter() < end: pass
            ''',
            progress=True,
        )
        host.start(['0.003', '0.003', '0.003', '1e9'])
        self.assertEqual([r['t'] for r in host.finish(3)], [0, 1, 2])
        self.wait_for(lambda: host.progress()[:2] == (1, 3))

    def test_a_forked_child_that_returns_runs_no_other_task(self):
        host = self.host(
            '''
            import os
            def task(x):
                with open('ran', 'a') as file:
                    file.write(x + '\\n')
                if x == 'fork':
                    pid = os.fork()
                    if pid: os.waitpid(pid, 0)
            '''
        )
        self.assertEqual([r['s'] for r in host.run('fork', 'a', 'b')], ['ok'] * 3)
        with open(os.path.join(os.path.dirname(host.root), 'ran')) as file:
            self.assertEqual(file.read().split(), ['fork', 'a', 'b'])

    def test_secrets_in_a_failure_are_masked(self):
        for case in TABLES['redact']:
            with self.subTest(case['title']):
                (record,) = self.host(MIXED, redact=case['redact']).run(case['task'])
                error = record.get('error', {})
                if 'message' in case:
                    self.assertEqual((error['type'], error['message']),
                                     (case.get('type', 'ValueError'), case['message']))  # fmt: skip
                    self.assertIn(case['message'], error['stack'])
                    self.assertIn('/home/you/project/pkg/tasks.py", line 5', error['stack'])
                if 'begins' in case:
                    self.assertEqual((error['type'], error['message'][: len(case['begins'])]),
                                     (case['type'], case['begins']))  # fmt: skip
                if 'value' in case:
                    self.assertEqual(record['value'], case['value'])
                if 'raw' in case:
                    self.assertEqual(record['value'], json.loads(case['raw']))

    def test_a_pattern_that_python_does_not_know_harms_no_other(self):
        host = self.host(MIXED, redact=['(', '[^]', r'\p{L}', '(?<=a+)b', 's3cret', '[[a]z'])
        (record,) = host.run({'do': 'throw', 'text': 'a s3cret'})
        self.assertEqual(record['error']['message'], 'a ******')
        self.assertEqual(host.log(), b'')
        self.assertEqual(self.host(MIXED, redact=['(']).run({'do': 'throw', 'text': '('})[0]['error']['message'], '(')

    def test_no_part_of_a_secret_is_left_where_a_text_is_cut(self):
        host = self.host(
            '''
            class Client:
                def __repr__(self): return '<Client %s s3cret>' % ('x' * 66)
            def task(x): return Client()
            ''',
            redact=['s3cret'],
        )
        self.assertIn('x **...` (Client)', host.run(1)[0]['error']['message'])

    def test_secrets_of_a_module_that_cannot_be_loaded_are_masked(self):
        host = HostProcess(self, 'raise TypeError(\'the s3cret "ñ"\')', redact=['s3cret', '"ñ"'])
        header, _ = host.message()
        self.assertEqual((header['reason'], header['error']['type']), ('load', 'TypeError'))
        self.assertEqual(header['error']['message'], 'the ****** ***')
        self.assertIn('line 1, in <module>', header['error']['stack'])
        self.assertNotIn('s3cret', str(header))

    def test_running_out_of_memory_is_a_failure_of_its_own(self):
        source = '''
            class Full(MemoryError): pass
            def task(x):
                if x == 'cause':
                    try: raise MemoryError()
                    except MemoryError as error: raise ValueError('cause') from error
                raise (Full if x == 'full' else MemoryError)('all of it')
            '''
        records = self.host(source).run('raise', 'full', 'cause')
        self.assertEqual([r['ft'] for r in records], ['oom', 'oom', 'exception'])
        self.assertEqual([r['error']['type'] for r in records], ['MemoryError', 'Full', 'ValueError'])
        self.assertEqual(records[0]['error']['message'], 'all of it')
        self.assertIn('line 7, in task', records[0]['error']['stack'])
        host = self.host(source, retries=1, retryOn=['oom'])
        host.start(['"raise"', '"cause"'], attempt=1)
        self.assertEqual([r.get('fin') for r in host.finish()], [False, None])
        self.assertEqual(host.again, [0])

    @unittest.skipUnless(sys.platform == 'linux', 'only Linux bounds the memory of a process')
    def test_a_host_that_has_no_memory_left_can_tell(self):
        host = self.host(
            '''
            import resource
            def task(x):
                if x != 'fill': return x
                with open('/proc/self/statm') as file:
                    now = int(file.read().split()[0]) * resource.getpagesize()
                limits = resource.getrlimit(resource.RLIMIT_AS)
                resource.setrlimit(resource.RLIMIT_AS, (now + (64 << 20), limits[1]))
                held = []
                def fill():
                    try:
                        while True: held.append(bytearray(100))
                    except MemoryError:
                        # It keeps what it has, like a handler that adds a note.
                        raise
                fill()
            '''
        )
        records = host.run('fill', 1) + host.run('fill', 2)
        self.assertEqual([r.get('ft', 'ok') for r in records], ['oom', 'ok', 'oom', 'ok'])
        self.assertEqual(records[0]['error']['type'], 'MemoryError')
        # Where it was, Python itself cannot always note any more: a traceback needs memory, too.
        self.assertIn('MemoryError', records[0]['error']['stack'])


if __name__ == '__main__':
    unittest.main()
