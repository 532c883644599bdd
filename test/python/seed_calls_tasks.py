"""Rows of the table of calls (test_seed_table): `dl_jobs.decorators`, `dl_jobs.nd_json` and `dl_jobs.utils`."""

import time

from dl_jobs import nd_json
from seed_rows import Raises


def call(*args, **kwargs):
    """What the decorators wrap here: it says how it was called."""
    return {'args': list(args), 'kwargs': kwargs}


def fails(*args, **kwargs):
    raise ValueError('no luck')


def do_work(arg1, arg2, kwarg1='value1', kwarg2='value2'):
    """The example of the README."""
    return {'results': [arg1 / arg2, kwarg1, kwarg2], 'success': True}


def seconds(*times):
    """A clock that is at these seconds of the minute of the README's example."""
    return iter([time.mktime((2019, 5, 20, 21, 47, second, 0, 0, -1)) for second in times]).__next__


DECORATORS = [
    (
        'README: expand_args: expand arg-list/kwarg-dict to args/kwargs',
        [
            ('decorators.expand_args(call)([1, 2])', {'args': [1, 2], 'kwargs': {}}),
            ("decorators.expand_args(call)({'k': 1})", {'args': [], 'kwargs': {'k': 1}}),
            ("decorators.expand_args(call)([1], {'k': 2})", {'args': [1], 'kwargs': {'k': 2}}),
        ],
    ),
    (
        '`expand_args`, whose wrapper takes `(args=[], kwargs={})`',
        [
            ("decorators.expand_args(call)(args=[1, 2], kwargs={'k': 3})", {'args': [1, 2], 'kwargs': {'k': 3}}),
            ('decorators.expand_args(call)(args=[1])', {'args': [1], 'kwargs': {}}),
            ("decorators.expand_args(call)(kwargs={'k': 3})", {'args': [], 'kwargs': {'k': 3}}),
            ('decorators.expand_args(call)()', {'args': [], 'kwargs': {}}),
        ],
    ),
    (
        "`attempt` returns `{'ERROR': str(e), 'ARGS': args, 'KWARGS': kwargs}`",
        [
            ('decorators.attempt(fails)(1, k=2)', {'ERROR': 'no luck', 'ARGS': [1], 'KWARGS': {'k': 2}}),
            ('decorators.attempt(fails)()', {'ERROR': 'no luck', 'ARGS': [], 'KWARGS': {}}),
            ('decorators.attempt(call)(1, k=2)', {'args': [1], 'kwargs': {'k': 2}}),
        ],
    ),
    (
        '`as_json`: strings pass; None becomes `{}`; else a JSON string',
        [
            ("decorators.as_json(lambda: 'plain')()", 'plain'),
            ('decorators.as_json(lambda: \'{"a": 1}\')()', '{"a": 1}'),
            ('decorators.as_json(lambda: None)()', '{}'),
            ('type(decorators.as_json(call)(1))', str),
            ('loads(decorators.as_json(call)(1, k=[2]))', {'args': [1], 'kwargs': {'k': [2]}}),
            ('decorators.as_json(lambda: 0)()', '0'),
            ('decorators.as_json(lambda: [])()', '[]'),
        ],
    ),
    (
        '`as_json`: a keyword or first-dict entry `return_as_dict` is taken out and, if true, the value is as it is',
        [
            ('decorators.as_json(call)(1, return_as_dict=True)', {'args': [1], 'kwargs': {}}),
            ('loads(decorators.as_json(call)(1, return_as_dict=False))', {'args': [1], 'kwargs': {}}),
            ("decorators.as_json(call)({'a': 1, 'return_as_dict': True})", {'args': [{'a': 1}], 'kwargs': {}}),
            ("decorators.as_json(call)(1, {'a': 1, 'return_as_dict': 1}, 2)", {'args': [1, {'a': 1}, 2], 'kwargs': {}}),
            ("loads(decorators.as_json(call)({'return_as_dict': False}))", {'args': [{}], 'kwargs': {}}),
            ('decorators.as_json(lambda: None)(return_as_dict=True)', None),
        ],
    ),
    (
        'Usual order: `@as_json @attempt @expand_args`',
        [
            (
                'loads(decorators.as_json(decorators.attempt(decorators.expand_args(do_work)))([6, 3]))',
                {'results': [2.0, 'value1', 'value2'], 'success': True},
            ),
            (
                'f = decorators.as_json(decorators.attempt(decorators.expand_args(do_work)));'
                " loads(f(args=[6, 3], kwargs={'kwarg1': 'a'}))",
                {'results': [2.0, 'a', 'value2'], 'success': True},
            ),
            (
                'f = decorators.as_json(decorators.attempt(decorators.expand_args(do_work)));'
                " loads(f([1, 0], {'kwarg2': 'b'}))",
                {'ERROR': 'division by zero', 'ARGS': [1, 0], 'KWARGS': {'kwarg2': 'b'}},
            ),
        ],
    ),
    (
        'Ours: which functions expand',
        [
            ('decorators.is_expanding(decorators.attempt(decorators.expand_args(call)))', True),
            ('decorators.is_expanding(decorators.attempt(call))', False),
        ],
    ),
]

ND_JSON = [
    (
        '`nd_json.write` appends unless `overwrite`',
        [
            ("nd_json.write('1', FILE); nd_json.write('2', FILE); lines()", ['1', '2']),
            ("nd_json.write('1', FILE); nd_json.write('2', FILE, True); lines()", ['2']),
        ],
    ),
    (
        'a generator is written element by element, anything else as one line',
        [
            ('nd_json.write((n for n in range(3)), FILE); lines()', ['0', '1', '2']),
            ('nd_json.write([0, 1, 2], FILE); list(map(loads, lines()))', [[0, 1, 2]]),
            ("nd_json.write({'a': 1}, FILE); list(map(loads, lines()))", [{'a': 1}]),
        ],
    ),
    (
        '`func(obj, **kwargs)` maps each object first',
        [
            ('nd_json.write(iter([1, 2]), FILE, func=lambda n, by: n * by, by=10); lines()', ['10', '20']),
            ('nd_json.write(3, FILE, False, lambda n: n + 1); lines()', ['4']),
        ],
    ),
    (
        'it wrote `str(obj)`, so callers passed JSON strings. Mend: values that are not strings are JSON-encoded',
        [
            ('nd_json.write(\'{"a":  1}\', FILE); lines()', ['{"a":  1}']),
            ('nd_json.write(None, FILE); lines()', ['null']),
            ("nd_json.write({'a': True}, FILE); nd_json.read(FILE)", [{'a': True}]),
        ],
    ),
    (
        '`read` gives a list',
        [
            ('nd_json.write(iter([1, [2], {"a": 3}]), FILE); nd_json.read(FILE)', [1, [2], {'a': 3}]),
            ('nd_json.write(iter([]), FILE); nd_json.read(FILE)', []),
        ],
    ),
    (
        '`apply` calls `func(line, **kwargs)` on each and hands the list to `postprocess`',
        [
            ('nd_json.write(iter([1, 2]), FILE); nd_json.apply(FILE, lambda n, by: n * by, by=3)', [3, 6]),
            ('nd_json.write(iter([1, 2]), FILE); nd_json.apply(FILE, str, sorted, {"reverse": True})', ['2', '1']),
        ],
    ),
    (
        'Ours: JSON text, one value after the other, and what is no JSON',
        [
            ("loads(nd_json.dumps({'a': (1, None)}))", {'a': [1, None]}),
            ('nd_json.write(iter([1, 2]), FILE); next(nd_json.stream(FILE))', 1),
            ('save("1\\n{\\n"); nd_json.read(FILE)', Raises(ValueError, 'x.ndjson:2: ')),
            ('save("{"); list(nd_json.stream(FILE))', Raises(nd_json.NdjsonError, 'torn')),
            ('issubclass(nd_json.NdjsonError, ValueError)', True),
        ],
    ),
]

UTILS = [
    (
        'README: the timer',
        [
            ('t = utils.Timer(seconds(30)); t.start()', 'May 20 2019 21:47:30'),
            ('t = utils.Timer(seconds(30, 44)); t.start(); t.stop()', 'May 20 2019 21:47:44'),
            ('t = utils.Timer(seconds(30, 44)); t.start(); t.end(); t.stop()', 'May 20 2019 21:47:44'),
            ('t = utils.Timer(seconds(30, 44)); t.start(); t.stop(); t.duration()', '0:00:14'),
        ],
    ),
    (
        'The README also calls `end()`, which printed nothing: ours is an alias of `stop`',
        [('t = utils.Timer(seconds(30, 44)); t.start(); t.end()', 'May 20 2019 21:47:44')],
    ),
    (
        '`start()` sets once; `stop()` likewise',
        [
            ('t = utils.Timer(seconds(1, 2, 3)); t.start(); t.start()', 'May 20 2019 21:47:01'),
            ('t = utils.Timer(seconds(1, 2, 3)); t.start(); t.stop(); t.stop()', 'May 20 2019 21:47:02'),
        ],
    ),
    (
        '`duration()`: whole seconds, `H:MM:SS`, days as Python prints them',
        [
            ('t = utils.Timer(iter([0, 3661.9]).__next__); t.start(); t.stop(); t.duration()', '1:01:01'),
            ('t = utils.Timer(iter([0, 86400]).__next__); t.start(); t.stop(); t.duration()', '1 day, 0:00:00'),
            ('t = utils.Timer(iter([0, 200000]).__next__); t.start(); t.stop(); t.duration()', '2 days, 7:33:20'),
        ],
    ),
    ('`now()`', [('t = utils.Timer(seconds(5)); t.now()', 'May 20 2019 21:47:05')]),
    (
        'Mend: `duration()` before `stop` gives the time so far',
        [('t = utils.Timer(seconds(1, 8)); t.start(); t.duration()', '0:00:07')],
    ),
    (
        '`save_pickle(obj, path)`, `read_pickle(path)`',
        [("utils.save_pickle({'a': (1, {2})}, FILE); utils.read_pickle(FILE)", {'a': (1, {2})})],
    ),
    (
        '`vspace(n=2)`, `line(char=\'-\', length=100)`',
        [
            ('utils.vspace(); utils.vspace(2); printed()', '\n\n\n' * 2),
            ('utils.line(); printed()', '-' * 100 + '\n'),
            ("utils.line('=', 3); printed()", '===\n'),
        ],
    ),
    (
        "`log(msg, noisy, level='INFO')` printing `[INFO] DL_JOBS: msg`",
        [
            ("utils.log('msg', True); printed()", '[INFO] DL_JOBS: msg\n'),
            ("utils.log('msg', True, 'ERROR'); printed()", '[ERROR] DL_JOBS: msg\n'),
            ("utils.log('msg', False); printed()", ''),
        ],
    ),
    (
        '`suppress(msg)`, and the default of `suppress`',
        [
            ("bool(utils.suppress('x.py:1: DeprecationWarning: old'))", True),
            ("bool(utils.suppress('x.py:1: FutureWarning: soon'))", True),
            ("bool(utils.suppress('x.py:1: UserWarning: mine'))", False),
            ('list(utils.SUPPRESS)', ['DeprecationWarning', 'FutureWarning']),
        ],
    ),
]
