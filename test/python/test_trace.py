"""The import tracer, driven as the tool drives it: JSON in, JSON out."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

TRACER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'python', 'dl_jobs', '_trace.py')


class Trace(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='dl trace é ')
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def put(self, name, text=''):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode('utf-8'))

    def trace(self, modules=(), include=()):
        asked = json.dumps({'root': self.root, 'modules': list(modules), 'include': list(include)})
        done = subprocess.run([sys.executable, TRACER], input=asked.encode(), stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout.decode())

    def test_absolute_imports_take_the_packages_on_the_way(self):
        self.put('tiles/__init__.py', 'from . import util')
        self.put('tiles/util.py')
        self.put('tiles/segment.py', 'import os, numpy\nimport a.b.c\nfrom shared import names')
        self.put('tiles/unused.py')
        self.put('a/__init__.py')
        self.put('a/b/__init__.py')
        self.put('a/b/c.py')
        self.put('shared.py', 'names = 1')
        self.assertEqual(
            self.trace(['tiles.segment']),
            {
                'files': [
                    'a/__init__.py',
                    'a/b/__init__.py',
                    'a/b/c.py',
                    'shared.py',
                    'tiles/__init__.py',
                    'tiles/segment.py',
                    'tiles/util.py',
                ],
                'missing': [],
                'external': ['numpy', 'os'],
            },
        )

    def test_relative_imports_go_up_and_sideways(self):
        self.put('p/__init__.py')
        self.put('p/top.py')
        self.put('p/q/__init__.py', 'from .side import x')
        self.put('p/q/side.py', 'from .. import top\nfrom ..other.thing import y\nfrom ..... import far')
        self.put('p/q/m.py', 'from . import side, attribute')
        self.put('p/other/thing.py')
        found = self.trace(['p.q.m'])
        self.assertEqual(
            found['files'],
            ['p/__init__.py', 'p/other/thing.py', 'p/q/__init__.py', 'p/q/m.py', 'p/q/side.py', 'p/top.py'],
        )
        self.assertEqual((found['missing'], found['external']), ([], []))

    def test_imports_inside_functions_and_try_blocks_and_by_literal_name_count(self):
        self.put('m.py', 'def f():\n  import deep\ntry:\n  import fast\nexcept ImportError:\n  import slow\n'
                         'import importlib\nimportlib.import_module("plug.one")\n__import__("two")')
        for name in ('deep.py', 'slow.py', 'plug/one.py', 'two.py'):
            self.put(name)
        found = self.trace(['m'])
        self.assertEqual(found['files'], ['deep.py', 'm.py', 'plug/one.py', 'slow.py', 'two.py'])
        self.assertEqual(found['external'], ['fast', 'importlib'])

    def test_a_star_import_takes_the_submodules_that_all_names(self):
        self.put('m.py', 'from pkg import *')
        self.put('pkg/__init__.py', '__all__ = ["one", "value"]')
        self.put('pkg/one.py')
        self.put('pkg/two.py')
        self.assertEqual(self.trace(['m'])['files'], ['m.py', 'pkg/__init__.py', 'pkg/one.py'])

    def test_namespace_packages_are_followed_and_mere_data_folders_are_not_modules(self):
        self.put('m.py', 'import space.inner.mod\nimport yaml.loader\nfrom space import more')
        self.put('space/inner/mod.py')
        self.put('space/more.py')
        self.put('yaml/data.yaml')
        found = self.trace(['m'])
        self.assertEqual(found['files'], ['m.py', 'space/inner/mod.py', 'space/more.py'])
        self.assertEqual((found['missing'], found['external']), ([], ['yaml']))

    def test_what_is_not_there_is_named(self):
        self.put('m.py', 'import pkg.gone')
        self.put('pkg/__init__.py')
        self.assertEqual(self.trace(['m', 'nope'], ['no/such', '../up'])['missing'], ['../up', 'no/such', 'nope', 'pkg.gone'])

    def test_include_takes_a_package_whole_in_dotted_or_path_form(self):
        self.put('pkg/__init__.py')
        self.put('pkg/sub/a.py', 'import helper')
        self.put('pkg/sub/deeper/b.py')
        self.put('pkg/c.py')
        self.put('helper.py')
        whole = ['helper.py', 'pkg/__init__.py', 'pkg/sub/a.py', 'pkg/sub/deeper/b.py']
        for name in ('pkg.sub', 'pkg/sub', './pkg/sub/'):
            self.assertEqual(self.trace([], [name])['files'], whole, name)
        self.assertEqual(self.trace([], ['pkg'])['files'], sorted(whole + ['pkg/c.py']))
        self.assertEqual(self.trace([], ['helper'])['files'], ['helper.py'])
        self.assertEqual(self.trace([], ['pkg/c.py'])['files'], ['pkg/__init__.py', 'pkg/c.py'])

    def test_skipped_folders_and_link_loops_do_no_harm(self):
        self.put('pkg/__init__.py')
        self.put('pkg/node_modules/x.py')
        self.put('pkg/__pycache__/y.py')
        self.put('pkg/.git/z.py')
        self.put('pkg/env/pyvenv.cfg')
        self.put('pkg/env/lib/w.py')
        os.symlink('..', os.path.join(self.root, 'pkg', 'loop'))
        os.symlink('.', os.path.join(self.root, 'pkg', 'self'))
        files = self.trace([], ['pkg'])['files']
        self.assertIn('pkg/__init__.py', files)
        for word in ('node_modules', '__pycache__', '.git', 'env'):
            self.assertFalse([name for name in files if word in name], word)

    def test_dl_jobs_is_never_the_project_s(self):
        self.put('m.py', 'from dl_jobs.decorators import attempt\nimport dl_jobs')
        self.put('dl_jobs/__init__.py')
        self.put('dl_jobs/decorators.py')
        self.assertEqual(
            self.trace(['m'], ['dl_jobs', 'dl_jobs.decorators']), {'files': ['m.py'], 'missing': [], 'external': []}
        )

    def test_a_file_that_cannot_be_parsed_is_still_listed(self):
        self.put('m.py', 'import bad, nul, latin')
        self.put('bad.py', 'def f(:\n')
        self.put('nul.py', b'\0')
        self.put('latin.py', b'# coding: latin-1\nname = "\xe9"\nimport other')
        self.put('other.py')
        self.assertEqual(self.trace(['m'])['files'], ['bad.py', 'latin.py', 'm.py', 'nul.py', 'other.py'])

    def test_nothing_of_the_user_s_is_executed_and_nothing_written(self):
        self.put('m.py', 'open("ran", "w"); raise SystemExit(9)')
        self.trace(['m'])
        self.assertEqual(os.listdir(self.root), ['m.py'])

    def test_a_malformed_request_says_what_is_expected(self):
        done = subprocess.run([sys.executable, TRACER], input=b'[]', stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b'expected {"root"', done.stderr)


if __name__ == '__main__':
    unittest.main()
