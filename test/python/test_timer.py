import io
import os
import tempfile
import time
import unittest
from contextlib import redirect_stdout

from dl_jobs import utils
from shared_cases import cases


def clock_of(*times):
    return iter(times).__next__


class Timer(unittest.TestCase):
    def test_the_shared_stamps(self):
        for case in cases('timer')['stamps']:
            at = time.mktime(tuple(case['local']) + (0, 0, -1))
            self.assertEqual(utils.Timer(clock=lambda: at + 0.999).now(), case['text'])

    def test_the_shared_durations(self):
        for case in cases('timer')['durations']:
            timer = utils.Timer(clock=clock_of(1558388850, 1558388850 + case['seconds']))
            timer.start()
            timer.stop()
            self.assertEqual(timer.duration(), case['text'])

    def test_it_does_what_the_readme_shows(self):
        start = time.mktime((2019, 5, 20, 21, 47, 30, 0, 0, -1))
        timer = utils.Timer(clock=clock_of(start, start + 14))
        self.assertEqual(timer.start(), 'May 20 2019 21:47:30')
        self.assertEqual(timer.end(), 'May 20 2019 21:47:44')
        self.assertEqual(timer.stop(), 'May 20 2019 21:47:44')
        self.assertEqual(timer.duration(), '0:00:14')

    def test_the_time_so_far(self):
        timer = utils.Timer(clock=clock_of(0, 5, 7, 8))
        self.assertEqual(timer.duration(), '0:00:00')
        timer.start()
        self.assertEqual([timer.duration(), timer.duration()], ['0:00:05', '0:00:07'])
        timer.stop()
        self.assertEqual(timer.duration(), '0:00:08')

    def test_the_clock_of_the_machine(self):
        timer = utils.Timer()
        self.assertRegex(timer.start(), r'^[A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d$')


class Output(unittest.TestCase):
    def printed(self, function, *args, **kwargs):
        out = io.StringIO()
        with redirect_stdout(out):
            function(*args, **kwargs)
        return out.getvalue()

    def test_lines(self):
        self.assertEqual(self.printed(utils.line), '-' * 100 + '\n')
        self.assertEqual(self.printed(utils.line, '=', length=3), '===\n')
        self.assertEqual(self.printed(utils.vspace), '\n\n\n')
        self.assertEqual(self.printed(utils.log, 'msg', True), '[INFO] DL_JOBS: msg\n')
        self.assertEqual(self.printed(utils.log, 'msg', True, level='WARN'), '[WARN] DL_JOBS: msg\n')
        self.assertEqual(self.printed(utils.log, 'msg', False), '')

    def test_suppress(self):
        self.assertEqual(utils.suppress('x.py:1: deprecationwarning: old'), 'DeprecationWarning')
        self.assertIs(utils.suppress('a line'), False)
        self.assertIs(utils.suppress(''), True)

    def test_pickles(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'x.pkl')
            utils.save_pickle({'a': (1, 2)}, path)
            self.assertEqual(utils.read_pickle(path), {'a': (1, 2)})


if __name__ == '__main__':
    unittest.main()
