import json
import unittest

from dl_jobs import helpers
from shared_cases import cases


class Helpers(unittest.TestCase):
    def test_the_shared_cases(self):
        for case in cases('helpers'):
            function = getattr(helpers, case['function'])
            with self.subTest('%s: %s' % (case['function'], case['title'])):
                before = json.dumps(case['args'])
                if case.get('error'):
                    with self.assertRaises(ValueError):
                        function(*case['args'])
                else:
                    result = function(*case['args'])
                    self.assertEqual(json.dumps(result, sort_keys=True), json.dumps(case['result'], sort_keys=True))
                self.assertEqual(json.dumps(case['args']), before)

    def test_copies_are_deep(self):
        base = {'list': [1]}
        copy = helpers.copy_update(base, 'x', 1)
        base['list'].append(2)
        self.assertEqual(copy, {'list': [1], 'x': 1})

    def test_values_can_be_any_iterable(self):
        self.assertEqual(helpers.update_list({}, range(2), key='id'), [{'id': 0}, {'id': 1}])
        self.assertEqual(helpers.update_list({}, ({'n': n} for n in range(2))), [{'n': 0}, {'n': 1}])

    def test_truthy_names_the_type_that_it_refuses(self):
        with self.assertRaisesRegex(ValueError, r'got \[1\] \(list\)'):
            helpers.truthy([1])


if __name__ == '__main__':
    unittest.main()
