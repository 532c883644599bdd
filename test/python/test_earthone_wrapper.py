"""The wrapper of tasks on EarthOne: what it tells of a task is what the local host records for it.

Each bundle runs in a Python of its own, unpacked in a folder or as the zip that it is.

lines: one program under test.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
import zipfile
import zlib

from host_process import PYTHON as SOURCES
from host_process import HostProcess

PYTHON = os.path.abspath(SOURCES)

ENTRY = '''
import json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dl_jobs._earthone import entry
main = entry(json.loads(%r))
'''

# Stands for the platform's own program: it calls main for each line, and tells what came of it.
PLATFORM = '''
import importlib, json, os, sys, base64
bundle, calls, before, out = sys.argv[1], json.load(open(sys.argv[2])), sys.argv[3], sys.argv[4]
sys.path.insert(0, bundle)
exec(before)
main = importlib.import_module('__dlentrypoint__').main
with open(out, 'w') as report:
    for index, argument in enumerate(calls):
        try:
            value = main(index, argument)
            kind, data = type(value).__name__, base64.b64encode(value).decode('ascii')
        except BaseException as error:
            kind, data = type(error).__name__, str(error)
        report.write(json.dumps([kind, data, os.getcwd(), sys.path[:2]]) + '\\n')
        report.flush()
        sys.stderr.write('<end of job>')
'''


class Job:
    """What the platform sees of one job."""

    def __init__(self, kind, data, cwd, path, stderr):
        self.kind, self.cwd, self.path, self.stderr = kind, cwd, path, stderr
        self.text = None
        if kind == 'bytes':
            self.bytes = base64.b64decode(data)
        else:
            self.text = data
            self.bytes = outcome_in(stderr)
        if self.bytes is None:
            return
        line, _, body = self.bytes.partition(b'\n')
        self.head = json.loads(line.decode('utf-8'))
        assert int(self.head['crc'], 16) == zlib.crc32(body), self.head
        self.value = json.loads(body.decode('utf-8'))


def outcome_in(stderr):
    text = None
    for line in stderr.split('\n'):
        assert len(line) < 8100 or 'dl_jobs-outcome' not in line
        if line.startswith('dl_jobs-outcome: '):
            text = line.split(' ', 1)[1]
        elif line.startswith('dl_jobs-outcome+: '):
            text += line.split(' ', 1)[1]
    return None if text is None else base64.b64decode(text)


class Bundles(unittest.TestCase):
    def bundle(self, source, module='pkg.tasks', method='task', files=(), zipped=False, **settings):
        folder = tempfile.TemporaryDirectory(prefix='dl bundle é ')
        self.addCleanup(folder.cleanup)
        root = os.path.join(os.path.realpath(folder.name), 'bundle')
        file = module.replace('.', '/') + '.py'
        settings = {'module': module, 'file': file, 'method': method, 'call': 'each', 'grouped': False, 'retries': 0,
                    'retryOn': [], 'redact': [], 'secrets': [], **settings}  # fmt: skip
        texts = {file: textwrap.dedent(source), '__dlentrypoint__.py': ENTRY % json.dumps(settings)}
        shutil.copytree(
            os.path.join(PYTHON, 'dl_jobs'), os.path.join(root, 'dl_jobs'), ignore=shutil.ignore_patterns('__pycache__')
        )
        for name, text in list(files) + list(texts.items()):
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as out:
                out.write(text)
        if zipped:
            with zipfile.ZipFile(root + '.zip', 'w') as archive:
                for where, _, names in os.walk(root):
                    for name in names:
                        path = os.path.join(where, name)
                        archive.write(path, os.path.relpath(path, root))
            shutil.rmtree(root)
            root += '.zip'
        return root

    def run_bundle(self, root, args, before='', cwd=None, env=None):
        """One job for each of `args`, all in one process. The jobs, fewer where the process died."""
        with tempfile.TemporaryDirectory() as scratch:
            calls, out = os.path.join(scratch, 'calls'), os.path.join(scratch, 'out')
            with open(calls, 'w') as file:
                json.dump(args, file)
            with open(os.path.join(scratch, 'platform.py'), 'w') as file:
                file.write(PLATFORM)
            environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
            done = subprocess.run(
                [sys.executable, '-B', file.name, root, calls, before, out],
                cwd=cwd or scratch, env={**environment, **(env or {})}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
            )  # fmt: skip
            self.stdout, stderr = done.stdout.decode('utf-8'), done.stderr.decode('utf-8', 'replace')
            try:
                with open(out) as file:
                    reports = [json.loads(line) for line in file]
            except FileNotFoundError:
                raise AssertionError(stderr) from None
        return [Job(*report, said) for report, said in zip(reports, stderr.split('<end of job>'))]

    def jobs(self, source, *args, before='', cwd=None, env=None, **options):
        return self.run_bundle(self.bundle(source, **options), list(args), before, cwd, env)


SAME = {
    'values': (
        '''
        import datetime, decimal, enum, pathlib, collections
        class Colour(enum.Enum):
            RED = 'red'
        def task(x):
            return {'nan': [float('nan'), 1.5], 'set': {1}, 'date': datetime.date(2020, 1, 2), 'path': pathlib.Path('a'),
                    'enum': Colour.RED, 'bytes': b'abc', 'decimal': decimal.Decimal('1.5'), 'surrogate': '\\ud800',
                    'text': 'zwei\\nü\\u2028😀', 'none': None, 'big': 2 ** 70, 'json': '{"a": [1, 2]}',
                    'deque': collections.deque([1]), '__proto__': {'constructor': None}}[x]
        ''',
        ['nan', 'set', 'date', 'path', 'enum', 'bytes', 'decimal', 'surrogate', 'text', 'none', 'big', 'json', 'deque',
         '__proto__', 'no such key'],
        {},
    ),
    'what JSON cannot hold': (
        '''
        def task(x):
            cycle = []
            cycle.append(cycle)
            deep = []
            for _ in range(100000): deep = [deep]
            async def agen(): yield 1
            return {'cycle': cycle, 'complex': {'c': [0, 1j]}, 'function': max, 'class': int, 'generator': (i for i in []),
                    'key': {(1, 2): 3}, 'deep': deep, 'module': __import__('sys')}[x]
        ''',
        ['cycle', 'complex', 'key', 'deep', 'class'],
        {},
    ),
    'error results': (
        'def task(x): return x',
        ['ERROR: no', 'error', {'ERROR': 'x'}, {'ERROR': ''}, '{"ERROR": "t"}', ['fine', 'ERROR'], ['["ERROR"]'], '[1'],
        {},
    ),
    'grouped error results': ('def task(x): return x', [['ERROR'], ['{"a": 1}'], 'ERROR'], {'grouped': True}),
    'exceptions': (
        '''
        import sys
        class Odd(BaseException):
            def __str__(self): raise RuntimeError()
        class InvalidResult(Exception): pass
        def inner(x):
            return {}[x]
        def task(x):
            if x == 'odd': raise Odd()
            if x == 'memory': raise MemoryError()
            if x == 'interrupt': raise KeyboardInterrupt()
            if x == 'invalid': raise InvalidResult('not mine')
            if x == 'surrogate': raise ValueError('\\udc80')
            if x == 'deep':
                def deep(n): return deep(n + 1)
                deep(0)
            try:
                inner(x)
            except KeyError as error:
                raise ValueError('bäd\\n' + x) from error
        ''',
        ['odd', 'memory', 'interrupt', 'invalid', 'surrogate', 'key', 'deep'],
        {},
    ),
    'async functions': (
        '''
        import asyncio
        loops = set()
        class Later:
            def __await__(self):
                yield from asyncio.sleep(0).__await__()
                return 'later'
        async def task(x):
            loops.add(asyncio.get_running_loop())
            await asyncio.sleep(0)
            if x == 'bad': raise ValueError(x)
            if x == 'later': return await Later()
            return [x, len(loops)]
        ''',
        ['a', 'bad', 'later', 'b'],
        {},
    ),
    'awaitables': (
        '''
        class Later:
            def __await__(self):
                return iter(())
        def task(x): return Later()
        ''',
        [0],
        {},
    ),
    'a function that takes no argument': ('def task(): pass', [1], {}),
    'single calls': (
        'def task(*args, **kwargs): return [args, kwargs]',
        [{'args': [1, 2], 'kwargs': {'k': 3}}, {}, {'kwargs': {'self': 1, 'index': 2, 'argument': 3}}],
        {'call': 'single'},
    ),
    'single calls of an expanding function': (
        '''
        from dl_jobs.decorators import as_json, attempt, expand_args
        @as_json
        @attempt
        @expand_args
        def task(a, b=1): return {'sum': a + b}
        ''',
        [{'args': [1, 2]}, {'args': [1], 'kwargs': {'b': 5}}, {'args': ['x'], 'kwargs': {}}],
        {'call': 'single'},
    ),
    'expanding functions': (
        '''
        from dl_jobs.decorators import expand_args
        @expand_args
        async def task(a, b=1): return a + b
        ''',
        [1, [2, 3], {'a': 4, 'b': 5}, ['x', 1]],
        {},
    ),
    'secrets': (
        '''
        def task(x):
            if x == 'value': return {'ok': 'tok-123'}
            if x == 'returned': return {'ERROR': 'tok-123 and KEEP', 'tok-456': 1}
            if x == 'cut': return 'x' * 70 + 'tok-123456789', 1j
            raise ValueError('tok-123')
        ''',
        ['value', 'returned', 'raised'],
        {'redact': ['tok-\\d+']},
    ),
}


class LikeTheLocalHost(Bundles):
    def test_what_the_host_records(self):
        for what, (source, args, options) in SAME.items():
            host = HostProcess(self, source, **options).ready()
            records = host.run(*args)
            for zipped in (False, True):
                jobs = self.jobs(source, *args, zipped=zipped, **options)
                self.assertEqual((len(jobs), len(records)), (len(args), len(args)), what)
                for record, job, arg in zip(records, jobs, args):
                    with self.subTest(what, zipped=zipped, arg=arg):
                        self.compare(record, job)

    def compare(self, record, job):
        head = job.head
        self.assertEqual((head['s'], head.get('ft')), (record['s'], record.get('ft')))
        self.assertEqual(job.kind, 'bytes' if record['s'] == 'ok' else 'TaskFailed')
        self.assertNotIn('fatal', head)
        self.assertEqual(set(head) - {'ft'}, {'v', 't', 's', 'at', 'd', 'cpu', 'rss', 'crc'})
        if 'error' not in record:
            self.assertEqual(job.value, record['value'])
            return
        theirs = record['error']
        if 'stack' in theirs:
            # The bundle has no project around it.
            theirs['stack'] = theirs['stack'].replace('/home/you/project/', '').replace(PYTHON + os.sep, '')
        self.assertEqual(job.value, theirs)

    def test_a_module_that_cannot_be_loaded_is_the_failure_of_each_job(self):
        for source, message in (
            ('import no_such_thing', {'type': 'fatal', 'reason': 'load'}),
            ('def task(: pass', {'type': 'fatal', 'reason': 'load'}),
            ('raise SystemExit(0)', {'type': 'fatal', 'reason': 'load'}),
            ('def other(x): pass\nclass Not: pass', {'type': 'fatal', 'reason': 'missing'}),
            ('task = 5', {'type': 'fatal', 'reason': 'missing'}),
        ):
            header, _ = HostProcess(self, source).message()
            for zipped in (False, True):
                for job in self.jobs(source, 1, 2, zipped=zipped, retries=3, retryOn=['exception']):
                    with self.subTest(source, zipped=zipped):
                        # Trying again would not help: no failure for the platform.
                        self.assertEqual(job.kind, 'bytes')
                        self.assertEqual((job.head['s'], job.head['ft']), ('error', 'exception'))
                        self.assertEqual(job.head['fatal'], header['reason'])
                        self.assertEqual(job.head.get('names'), header.get('names'))
                        theirs = dict(header['error'])
                        if 'stack' in theirs:
                            theirs['stack'] = theirs['stack'].replace('/home/you/project/', '')
                        self.assertEqual(job.value, theirs)
                        self.assertEqual(message['reason'], job.head['fatal'])


class Outcomes(Bundles):
    def test_a_good_job_prints_nothing_of_ours_and_says_how_it_went(self):
        (job,) = self.jobs('def task(x):\n  print("said")\n  return sum(range(10 ** 6)) * 0 + x', 41)
        self.assertEqual((job.value, job.stderr, self.stdout), (41, '', 'said\n'))
        self.assertEqual((job.head['v'], job.head['t']), (1, 0))
        self.assertGreater(job.head['cpu'], 0)
        self.assertGreater(job.head['rss'], 1000)
        self.assertGreater(job.head['at'], 1600000000000)

    def test_a_failure_is_told_on_a_line_of_its_own_and_to_the_platform(self):
        job, after = self.jobs(
            '''
            import sys
            def task(x):
                sys.stderr.write('no newline')
                raise ValueError('bad %s' % x)
            ''',
            1, 2,
        )  # fmt: skip
        self.assertEqual((job.kind, job.text), ('TaskFailed', 'ValueError: bad 1'))
        self.assertTrue(job.stderr.startswith('no newline\ndl_jobs-outcome: '), job.stderr)
        self.assertEqual((after.head['t'], after.value['message']), (1, 'bad 2'))

    def test_only_failures_that_are_to_be_tried_again_are_failures_where_the_platform_tries_again(self):
        source = '''
            import sys
            def task(x):
                if x == 'returned': return {'ERROR': 'x'}
                if x == 'oom': raise MemoryError()
                if x == 'exit': sys.exit(1)
                return {'invalid': 1j}[x]
            '''
        words = ['returned', 'oom', 'exit', 'invalid', 'raise']
        for retries, retry_on, kinds in (
            (0, [], ['TaskFailed'] * 5),
            (2, [], ['bytes'] * 5),
            (2, ['exception', 'crash'], ['bytes', 'bytes', 'TaskFailed', 'bytes', 'TaskFailed']),
            (0, ['exception'], ['TaskFailed'] * 5),
        ):
            jobs = self.jobs(source, *words, retries=retries, retryOn=retry_on)
            self.assertEqual([job.kind for job in jobs], kinds)
            self.assertEqual([job.head['ft'] for job in jobs], ['returned', 'oom', 'crash', 'invalid', 'exception'])

    def test_a_task_that_ends_the_process_is_a_crash(self):
        jobs = self.jobs('import sys\ndef task(x): sys.exit(x)', 3, 0, None, 'why', 256)
        self.assertEqual([job.value['exitCode'] for job in jobs], [3, 0, 0, 1, 0])
        self.assertEqual(
            jobs[0].value,
            {'type': 'Crash', 'message': 'the process that ran the task ended with exit code 3', 'exitCode': 3},
        )
        self.assertTrue(jobs[3].stderr.startswith('why\n'))

    def test_a_forked_child_that_comes_out_of_the_task_is_no_second_answer(self):
        jobs = self.jobs(
            '''
            import os
            def task(x):
                child = os.fork()
                if child: os.waitpid(child, 0)
                if not child and x: raise ValueError()
                return 'parent' if child else 'child'
            ''',
            0, 1,
        )  # fmt: skip
        self.assertEqual([job.value for job in jobs], ['parent', 'parent'])
        self.assertEqual([job.stderr for job in jobs], ['', ''])

    def test_a_result_over_the_limit_is_an_error_that_says_both_sizes(self):
        jobs = self.jobs(
            '''
            def task(x):
                if x == 'error': return {'ERROR': 'é' * 700000}
                if x == 'raised': raise ValueError('é' * 3000000 + 'end')
                return 'é' * x
            ''',
            10, 499000, 500000, 'error', 'raised', retries=1,
        )  # fmt: skip
        self.assertEqual([job.kind for job in jobs], ['bytes'] * 5)
        self.assertEqual([job.head.get('ft') for job in jobs], [None, None, 'invalid', 'invalid', 'exception'])
        self.assertTrue(all(len(job.bytes) <= 1000000 for job in jobs))
        self.assertRegex(jobs[2].value['message'], '^result: expected at most 1,000,000 bytes, got 1,000,0..; ')
        self.assertIn('got 1,400,1', jobs[3].value['message'])
        self.assertTrue(jobs[4].value['message'].startswith('ééé'))
        self.assertTrue(jobs[4].value['stack'].endswith('éend'))

    def test_a_long_outcome_is_several_lines(self):
        (job,) = self.jobs('def task(x): return {"ERROR": "é" * x}', 100000)
        self.assertEqual(job.value, {'ERROR': 'é' * 100000})
        self.assertGreater(job.stderr.count('\ndl_jobs-outcome+: '), 20)

    def test_values_of_secret_variables_are_hidden_where_the_task_failed(self):
        jobs = self.jobs(
            '''
            import os
            def task(x):
                word = os.environ['TOKEN'].splitlines()[0]
                if x == 'ok': return word
                if x == 'value': return {'a' * 70: [lambda: 1], word: 1}
                if x == 'returned': return {'ERROR': os.environ['TOKEN'], 'SHORT': os.environ['SHORT']}
                raise ValueError(word)
            ''',
            'ok', 'returned', 'raised', env={'TOKEN': 'a.b*(c\nsecond line', 'SHORT': 'x'},
            secrets=['TOKEN', 'SHORT', 'ABSENT'],
        )  # fmt: skip
        self.assertEqual(jobs[0].value, 'a.b*(c')
        self.assertEqual(jobs[1].value, {'ERROR': '******\n***********', 'SHORT': 'x'})
        self.assertEqual((jobs[2].value['message'], jobs[2].text), ('******', 'ValueError: ******'))
        self.assertNotIn('a.b*(c', jobs[2].stderr)

    def test_streams_that_the_task_broke_do_not_take_the_outcome_along(self):
        jobs = self.jobs(
            '''
            import io, sys
            def task(x):
                if x == 'replaced': sys.stderr = io.StringIO()
                if x == 'none': sys.stdout = sys.stderr = None
                if x == 'closed': sys.__stderr__.close()
                raise ValueError(x)
            ''',
            'replaced', before='',
        )  # fmt: skip
        self.assertEqual(jobs[0].value['message'], 'replaced')
        root = self.bundle('import sys\ndef task(x):\n  sys.stderr.close()\n  raise ValueError(x)')
        script = 'import sys; sys.path.insert(0, %r); from __dlentrypoint__ import main; main(0, 1)' % root
        done = subprocess.run([sys.executable, '-B', '-c', script], stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(json.loads(outcome_in(done.stderr.decode()).split(b'\n')[1])['message'], '1')


class Places(Bundles):
    def test_bundled_data_is_found_from_the_working_directory_and_the_platform_s_comes_back(self):
        elsewhere = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, elsewhere)
        (job, _) = self.jobs(
            '''
            import os
            def task(x):
                text = open('data/é x.csv', encoding='utf-8').read()
                os.chdir('/')
                return text
            ''',
            0, 1, cwd=elsewhere, files=[('data/é x.csv', 'a,b')],
        )  # fmt: skip
        self.assertEqual((job.value, job.cwd), ('a,b', elsewhere))

    def test_a_working_directory_that_is_gone_does_no_harm(self):
        before = 'import tempfile, os; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)'
        root = self.bundle('def task(x): return open("data.txt").read()', files=[('data.txt', 'here')])
        script = 'import sys; sys.path.insert(0, %r); %s; from __dlentrypoint__ import main; print(main(0, 1))'
        done = subprocess.run([sys.executable, '-B', '-c', script % (root, before)], stdout=subprocess.PIPE, timeout=60)
        self.assertIn(b'"here"', done.stdout)

    def test_modules_of_the_bundle_come_before_others_of_their_names(self):
        files = [('types.py', 'mine = 1'), ('zlib.py', 'raise Exception()'), ('asyncio.py', 'raise Exception()'),
                 ('traceback.py', 'raise Exception()'), ('resource.py', 'raise Exception()'), ('helper.py', 'x = 7'),
                 ('re.py', 'raise Exception()'), ('time.py', '')]  # fmt: skip
        for zipped in (False, True):
            for module in ('code.types', 'types', 'test.deep.code', 'tasks'):
                source = '''
                    import helper
                    async def task(x):
                        if x: raise ValueError()
                        return [helper.x, __name__]
                    '''
                # Python's own module `code`, which is met on the way, would import it.
                bad_for = {'code.types': 'traceback.py'}.get(module)
                rest = [pair for pair in files if pair[0] not in (module + '.py', bad_for)]
                good, bad = self.jobs(source, 0, 1, module=module, files=rest, zipped=zipped, redact=['nothing'])
                with self.subTest(module, zipped=zipped):
                    self.assertEqual(good.value, [7, module])
                    self.assertEqual(bad.value['type'], 'ValueError')

    def test_dl_jobs_is_ours_also_where_another_is_installed(self):
        other = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, other)
        os.mkdir(os.path.join(other, 'dl_jobs'))
        with open(os.path.join(other, 'dl_jobs', '__init__.py'), 'w') as file:
            file.write('raise Exception()')
        root = self.bundle('import dl_jobs.utils\ndef task(x): return dl_jobs.utils.__file__')
        (job,) = self.run_bundle(root, [0], before='sys.path.append(%r)' % other)
        self.assertEqual(os.path.dirname(job.value), os.path.join(root, 'dl_jobs'))

    def test_a_package_s_own_file_and_its_methods_load(self):
        for zipped in (False, True):
            (job,) = self.jobs(
                'from .inner import word\ndef task(x): return word', 0, zipped=zipped, module='tiles.__init__',
                files=[('tiles/inner.py', 'word = "inner"')],
            )  # fmt: skip
            self.assertEqual(job.value, 'inner')

    def test_lines_of_source_stand_in_the_stack_of_a_zip_too(self):
        (job,) = self.jobs('def task(x):\n    raise ValueError(x)  # here', 1, zipped=True)
        self.assertIn('File "pkg/tasks.py", line 2, in task\n    raise ValueError(x)  # here', job.value['stack'])


if __name__ == '__main__':
    unittest.main()
