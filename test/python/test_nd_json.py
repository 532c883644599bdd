import os
import pickle
import tempfile
import unittest

from dl_jobs import nd_json
from shared_cases import cases


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='nd json ')
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, 'x.ndjson')

    def put(self, data):
        with open(self.path, 'wb') as file:
            file.write(data)

    def get(self):
        with open(self.path, 'rb') as file:
            return file.read().decode('utf-8')


class SharedCases(Files):
    def test_reading(self):
        for case in cases('ndjson')['read']:
            with self.subTest(case['title']):
                self.put(bytes.fromhex(case['hex']) if 'hex' in case else case['text'].encode('utf-8'))
                if 'values' in case:
                    self.assertEqual(nd_json.read(self.path), case['values'])
                    continue
                with self.assertRaises(nd_json.NdjsonError) as caught:
                    nd_json.read(self.path)
                error = caught.exception
                self.assertIsInstance(error, ValueError)
                self.assertEqual((error.path, error.line, error.torn), (self.path, *case['error'].values()))
                self.assertTrue(str(error).startswith('%s:%d: ' % (self.path, error.line)))
                self.assertEqual('torn' in str(error), error.torn)

    def test_writing(self):
        for case in cases('ndjson')['write']:
            with self.subTest(case['title']):
                self.put(case.get('before', '').encode('utf-8'))
                value = (item for item in case['value']) if case.get('each') else case['value']
                nd_json.write(value, self.path, overwrite=case.get('overwrite', False))
                self.assertEqual(self.get(), case['text'])


class Python(Files):
    def test_a_long_line(self):
        text = 'ab漢' * 10000000
        self.put(('1\n"%s"\n2' % text).encode('utf-8'))
        values = nd_json.read(self.path)
        self.assertEqual(len(values), 3)
        self.assertTrue(values[1] == text)

    def test_func_gets_the_keywords(self):
        count = nd_json.write(range(3).__iter__(), self.path, func=lambda n, by: {'n': n * by}, by=2)
        self.assertEqual((count, self.get()), (3, '{"n":0}\n{"n":2}\n{"n":4}\n'))

    def test_values_are_converted_as_results_are(self):
        nd_json.write({'a': (1, float('nan')), 'b': {2}}, self.path)
        self.assertEqual(self.get(), '{"a":[1,null],"b":[2]}\n')

    def test_lone_surrogates_survive(self):
        nd_json.write(iter(['\ud800', '["\ud800"]', {'a': '\ud800'}]), self.path)
        self.assertEqual(nd_json.read(self.path), ['\ud800', ['\ud800'], {'a': '\ud800'}])

    def test_lines_before_a_failure_are_kept(self):
        def failing():
            yield 1
            raise RuntimeError('mine')

        with self.assertRaisesRegex(RuntimeError, 'mine'):
            nd_json.write(failing(), self.path)
        self.assertEqual(self.get(), '1\n')

    def test_apply(self):
        self.put(b'1\n2\n3\n')
        self.assertEqual(nd_json.apply(self.path, lambda n, by: n * by, by=2), [2, 4, 6])
        total = nd_json.apply(
            self.path, lambda n: n, postprocess=lambda out, start: sum(out, start), postprocess_kwargs={'start': 10}
        )
        self.assertEqual(total, 16)

    def test_a_missing_file(self):
        with self.assertRaises(FileNotFoundError):
            nd_json.read(self.path)

    def test_deep_nesting_is_an_error_not_a_crash(self):
        self.put(b'[' * 100000 + b']' * 100000 + b'\n')
        with self.assertRaises(nd_json.NdjsonError):
            nd_json.read(self.path)

    def test_the_error_can_travel(self):
        error = pickle.loads(pickle.dumps(nd_json.NdjsonError('p', 3, True, 'x')))
        self.assertEqual((error.path, error.line, error.torn), ('p', 3, True))


if __name__ == '__main__':
    unittest.main()
