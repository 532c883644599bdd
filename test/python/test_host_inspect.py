"""A Python host that runs its task under the debugger."""

import unittest

from host_process import HostProcess


class InspectTest(unittest.TestCase):
    def inspected(self, source, commands, *args, **options):
        host = HostProcess(self, source, stdin='\n'.join(commands) + '\n', **options).ready()
        records = host.run(*args)
        if records:
            self.assertNotIn('log', records[0])
        host.socket.close()
        host.process.wait(60)
        return records, host.log().decode()

    def test_the_debugger_stops_at_the_first_line_of_the_task(self):
        source = '''
            import asyncio, functools
            from dl_jobs.decorators import as_json, attempt, expand_args
            def kept(func):
                @functools.wraps(func)
                def wrapper(*args): return func(*args)
                return wrapper
            def plain(x):
                y = x + '!'
                return y
            @as_json
            @attempt
            @expand_args
            @kept
            def dressed(x):
                y = x + '!'
                return y
            async def waits(x):
                y = x + '!'
                await asyncio.sleep(0.001)
                return y
            class Callable:
                def __call__(self, x):
                    y = x + '!'
                    return y
            called = Callable()
            '''
        words = {'args': ['é'], 'kwargs': {}}
        for method, call, arg, line in (
            ('plain', 'each', 'é', 9), ('plain', 'single', words, 9), ('dressed', 'each', ['é'], 16),
            ('dressed', 'single', words, 16), ('waits', 'each', 'é', 19), ('called', 'each', 'é', 24),
        ):  # fmt: skip
            with self.subTest('%s, %s' % (method, call)):
                # What the task starts is not to be debugged.
                asked = ['import os', 'print(os.environ.get("DL_JOBS_INSPECT"))']
                commands = ['print("x is", x)'] + asked + ['n', 'print("y is", y)', 'x = 1', 'c']
                records, shown = self.inspected(source, commands, arg, method=method, call=call, progress=True)
                self.assertEqual(records[0].get('value'), 'é!')
                for text in ('tasks.py(%d)' % line, '(Pdb) x is é', '(Pdb) None', '(Pdb) y is é!'):
                    self.assertIn(text, shown)
                self.assertEqual(shown.index('tasks.py('), shown.index('tasks.py(%d)' % line))

    def test_an_exception_under_the_debugger_shows_the_user_s_frames(self):
        records, _ = self.inspected('def task(x):\n  return {}[x]', ['c'], 'a')
        self.assertEqual(records[0]['error']['stack'].split('\n')[1],
                         '  File "/home/you/project/pkg/tasks.py", line 2, in task')  # fmt: skip

    def test_leaving_the_debugger_ends_the_host_without_an_outcome(self):
        source = '''
            from dl_jobs.decorators import attempt
            print('loaded')
            @attempt
            def task(x):
                return x
            '''
        for commands in (['q'], []):
            records, shown = self.inspected(source, commands, 1)
            self.assertEqual(records, [])
            self.assertIn('loaded\n', shown)
            self.assertIn('tasks.py(6)', shown)


if __name__ == '__main__':
    unittest.main()
