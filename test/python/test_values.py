"""What results become in JSON: the table at the top of `_values.py`, row by row."""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import subprocess
import sys
import types
import unittest
import uuid

from dl_jobs._values import InvalidResult, encode_result, scalar_texts


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


class Colour(enum.Enum):
    RED = 'r'


class Level(enum.IntEnum):
    HIGH = 3


Pair = collections.namedtuple('Pair', 'a b')


def made(value, grouped=True):
    return json.loads(encode_result(value, grouped)[1])


class Values(unittest.TestCase):
    def test_each_row_of_the_table(self):
        zone = datetime.timezone(datetime.timedelta(hours=2))
        for value, wanted in (
            (datetime.datetime(2020, 1, 2, 3, 4, 5, 6, zone), '2020-01-02T03:04:05.000006+02:00'),
            (datetime.date(2020, 1, 2), '2020-01-02'),
            (datetime.time(3, 4), '03:04:00'),
            (pathlib.PurePosixPath('/a/b'), '/a/b'),
            ((1, 'a'), [1, 'a']),
            (Pair(1, 2), [1, 2]),
            ({7}, [7]),
            (frozenset([7]), [7]),
            (range(3), [0, 1, 2]),
            (collections.deque([1]), [1]),
            ({'a': 1}.keys(), ['a']),
            ({'a': 1}.values(), [1]),
            (array.array('d', [1.5]), [1.5]),
            (Point(1, Point(2)), {'x': 1, 'y': {'x': 2, 'y': None}}),
            (Colour.RED, 'r'),
            (Level.HIGH, 3),
            (decimal.Decimal('1.25'), 1.25),
            (decimal.Decimal('NaN'), None),
            (uuid.UUID(int=1), '00000000-0000-0000-0000-000000000001'),
            (b'\x00\xff', 'AP8='),
            (bytearray(b'a'), 'YQ=='),
            (memoryview(b'a'), 'YQ=='),
            (float('nan'), None),
            (float('inf'), None),
            (types.MappingProxyType({'a': 1}), {'a': 1}),
            (collections.OrderedDict(a=1), {'a': 1}),
            (2**70, 2**70),
        ):
            self.assertEqual(made(value), wanted, repr(value))
            self.assertEqual(made({'in': [value]}), {'in': [wanted]}, repr(value))
            self.assertEqual(made({'in': [value, float('nan')]}), {'in': [wanted, None]}, repr(value))

    def test_keys_that_are_no_strings_are_written_as_json_writes_them(self):
        for last in (1, float('nan')):
            self.assertEqual(list(made({1: 0, 1.5: 0, None: 0, False: 0, 'x': last})), ['1', '1.5', 'null', 'false', 'x'])

    def test_keys_that_are_no_numbers_in_json_are_their_names(self):
        self.assertEqual(list(made({float('nan'): 0, float('-inf'): 0})), ['NaN', '-Infinity'])

    def test_scalars_together_are_the_same_as_one_by_one(self):
        for values in ([1, -2, 2**70], [None], [1, True, 0.1, None, 'a\n"\\,é\u2028', '', 1e300], [False], ['\n']):
            self.assertEqual([json.loads(text) for text in scalar_texts(values)], [made(value) for value in values])
        self.assertIsNone(scalar_texts([1, float('inf')]))
        self.assertIsNone(scalar_texts([1, made]))

    def test_what_does_not_fit_is_named_by_its_path(self):
        loop = []
        loop.append({'again': loop})
        for value, start in (
            ({'a': [0, 1, 2, made]}, 'result.a[3]: expected a value that JSON can hold, got `<function'),
            (1j, 'result: expected a value that JSON can hold, got `1j` (complex)'),
            (loop, 'result[0].again: expected a value that JSON can hold, got a cycle'),
            ({'a b': {(1, 2): 0}}, 'result["a b"]: expected a key'),
            (Point(1, object()), 'result.y: '),
            (iter([]), 'result: '),
            ({'n': [10**5000]} if hasattr(sys, 'get_int_max_str_digits') else {'n': [made]}, 'result.n[0]: '),
        ):
            with self.assertRaises(InvalidResult) as caught:
                encode_result(value, True)
            self.assertEqual(str(caught.exception)[: len(start)], start)

    def test_after_a_failure_the_same_value_is_not_taken_for_a_cycle(self):
        inner = {'a': 1}
        for _ in range(3):
            with self.assertRaises(InvalidResult):
                encode_result([inner, made], True)
            self.assertEqual(made([inner, inner]), [inner, inner])

    def test_nesting_without_end_is_invalid(self):
        value = []
        for _ in range(200000):
            value = [value]
        with self.assertRaises(InvalidResult):
            encode_result(value, True)
        while value:  # taken apart step by step: older Pythons overflow their stack on it
            value = value.pop()

    def test_text_of_an_object_or_array_is_that_value(self):
        self.assertEqual(made(' {"a": NaN}\n'), {'a': None})
        self.assertEqual(made('[1] x'), '[1] x')
        self.assertEqual(made('"quoted"'), '"quoted"')
        self.assertEqual(made(('{"a": 1}', 2), grouped=False), [{'a': 1}, 2])
        self.assertEqual(made(['{"a": 1}']), ['{"a": 1}'])
        self.assertEqual(made('[' * 100000), '[' * 100000)

    def test_results_are_one_line(self):
        self.assertNotIn('\n', encode_result({'a\n': '\n\r', 'b': '{"c":\n1}'}, True)[1])
        self.assertNotIn('\n', encode_result('{"c":\n"d\\n"}', True)[1])

    def test_error_results(self):
        for value, grouped, failed in (
            ('ERROR', True, True),
            ('x ERROR', True, False),
            ({'ERROR': 1}, True, True),
            ({'ERROR': 0}, True, False),
            (types.MappingProxyType({'ERROR': 1}), True, True),
            (['ERROR'], True, False),
            ('["ERROR"]', False, True),
            (('a', {'ERROR': 'b'}), False, True),
            ([['ERROR']], False, False),
            ([], False, False),
        ):
            self.assertEqual(encode_result(value, grouped)[0], failed, repr(value))

    def test_large_results_are_the_same_whichever_encoder_makes_them(self):
        value = {'text': 'é\u2028\n"' * 100000, 'n': [1.5, float('nan'), 2**70, None], 1: datetime.date(2020, 1, 1)}
        first = made(value)
        self.assertEqual(made(value), first)
        self.assertEqual(first['n'], [1.5, None, 2**70, None])

    def test_numpy_values_convert_where_there_is_numpy(self):
        program = 'import sys, dl_jobs._values; print("numpy" in sys.modules)'
        self.assertEqual(subprocess.check_output([sys.executable, '-c', program]), b'False\n')
        try:
            import numpy
        except ImportError:
            self.skipTest('numpy is not installed')
        for value, wanted in (
            (numpy.int64(3), 3),
            (numpy.float32(0.5), 0.5),
            (numpy.float64('nan'), None),
            (numpy.bool_(True), True),
            (numpy.longdouble(1.5), 1.5),
            (numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
            (numpy.array([1.5, numpy.nan]), [1.5, None]),
            (numpy.array(5), 5),
            (numpy.array([1.5], dtype=numpy.longdouble), [1.5]),
            (numpy.datetime64('2020-01-02T03'), '2020-01-02T03'),
            (numpy.array(['2020-01-02', 'NaT'], dtype='datetime64[D]'), ['2020-01-02', None]),
            ({numpy.int64(3): 1}, {'3': 1}),
        ):
            self.assertEqual(made(value), wanted, repr(value))
        with self.assertRaises(InvalidResult):
            encode_result(numpy.complex128(1j), True)


if __name__ == '__main__':
    unittest.main()
