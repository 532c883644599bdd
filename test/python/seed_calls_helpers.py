"""Rows of the table of calls (test_seed_table): `dl_jobs.constants` and `dl_jobs.helpers`."""

from seed_rows import Raises

PY27 = 'us.gcr.io/dl-ci-cd/images/tasks/public/py2/default:v2019.04.18-13-g565aebde'
PY27_GPU = 'us.gcr.io/dl-ci-cd/images/tasks/public/py2-gpu/default:v2019.04.18-13-g565aebde'
PY36 = 'us.gcr.io/dl-ci-cd/images/tasks/public/py3.6/default:v2019.04.18-13-g565aebde'
PY36_GPU = 'us.gcr.io/dl-ci-cd/images/tasks/public/py3.6-gpu/default:v2019.04.18-13-g565aebde'
PY37 = 'us.gcr.io/dl-ci-cd/images/tasks/public/py3.7/default:v2019.02.12'
FALSE = 'false none no null f n 0'.split()
TRUE = 'true t yes y 1'.split()

CONSTANTS = [
    (
        'Image keys',
        [
            ('constants.PY27', PY27),
            ('constants.PY27_GPU', PY27_GPU),
            ('constants.PY36', PY36),
            ('constants.PY36_GPU', PY36_GPU),
            ('constants.PY37', PY37),
            (
                'constants.IMAGES',
                {'py27': PY27, 'py27_gpu': PY27_GPU, 'py36': PY36, 'py36_gpu': PY36_GPU, 'py37': PY37},
            ),
        ],
    ),
    (
        'Defaults',
        [
            ('constants.CPUS', 1),
            ('constants.GPUS', 0),
            ('constants.CPU_JOB', True),
            ('constants.CPU_IMAGE', 'py36'),
            ('constants.GPU_IMAGE', 'py36_gpu'),
            ('constants.DLS_ROOT', 'dl_jobs'),
            ('constants.IS_DEV', True),
            ('constants.MODULE_DIR', 'run'),
            ('constants.PRINT_LOGS', True),
            ('constants.DEFAULT_METHOD', 'task'),
            ('constants.NOISY', True),
            ('constants.SUPPRESS', ['DeprecationWarning', 'FutureWarning']),
            ('constants.SAVE_RESULTS', True),
            ('constants.SAVE_ERRORS', True),
            ('constants.RESULTS_DIR', 'results'),
            ('constants.ERRORS_DIR', 'errors'),
            ('constants.LOG', True),
            ('constants.LOG_DIR', 'logs'),
        ],
    ),
    ('File: `dl_jobs.config.yaml`', [('constants.DL_JOBS_CONFIG_PATH', 'dl_jobs.config.yaml')]),
]

HELPERS = [
    (
        'False words: `false none no null f n 0`, any case',
        [('helpers.truthy(%r)' % word, False) for word in FALSE]
        + [('helpers.bool_str(%r)' % word, False) for word in FALSE]
        + [
            ("helpers.truthy('FALSE')", False),
            ("helpers.truthy('None')", False),
            ("helpers.bool_str('No')", False),
        ],
    ),
    (
        'True words (for `bool_str` only): `true t yes y 1`',
        [('helpers.bool_str(%r)' % word, True) for word in TRUE]
        + [("helpers.bool_str('TRUE')", True), ("helpers.bool_str('Yes')", True)],
    ),
    (
        '`truthy`: bool, int, None returned as they are',
        [
            ('helpers.truthy(True)', True),
            ('helpers.truthy(False)', False),
            ('helpers.truthy(0)', 0),
            ('helpers.truthy(1)', 1),
            ('helpers.truthy(-2)', -2),
            ('helpers.truthy(None)', None),
        ],
    ),
    (
        '`truthy`: a string gives whether its lower case is not a false word',
        [
            ("helpers.truthy('true')", True),
            ("helpers.truthy('1')", True),
            ("helpers.truthy('anything')", True),
            ("helpers.truthy('')", True),
            ("helpers.truthy(' no')", True),
        ],
    ),
    (
        '`truthy`: anything else raises ValueError (mend: name the type)',
        [
            ('helpers.truthy(1.5)', Raises(ValueError, 'float')),
            ('helpers.truthy([])', Raises(ValueError, 'list')),
            ('helpers.truthy({})', Raises(ValueError, 'dict')),
            ("helpers.truthy(b'no')", Raises(ValueError, 'bytes')),
        ],
    ),
    (
        "README: h.truthy(kwargs.get('platform', True))",
        [("helpers.truthy({'platform': 'false'}.get('platform', True))", False)]
        + [("helpers.truthy({}.get('platform', True))", True)],
    ),
    (
        '`bool_str`: any other value is returned unchanged',
        [
            ("helpers.bool_str('maybe')", 'maybe'),
            ("helpers.bool_str('Maybe')", 'Maybe'),
            ("helpers.bool_str('')", ''),
            ('helpers.bool_str(0)', 0),
            ('helpers.bool_str(1)', 1),
            ('helpers.bool_str(None)', None),
            ("helpers.bool_str(['no'])", ['no']),
        ],
    ),
    (
        '`is_str(value)`',
        [("helpers.is_str('a')", True), ("helpers.is_str('')", True)]
        + [('helpers.is_str(%s)' % other, False) for other in ('1', 'None', "['a']", "b'a'")],
    ),
    (
        '`copy_update`: deep copy, then update by a dict, or set one key to `value`',
        [
            ("helpers.copy_update({'a': 1, 'b': 2}, {'b': 3, 'c': 4})", {'a': 1, 'b': 3, 'c': 4}),
            ("helpers.copy_update({'a': 1}, 'b', 2)", {'a': 1, 'b': 2}),
            ("helpers.copy_update({'a': 1}, 'a')", {'a': None}),
            ("helpers.copy_update({'a': 1}, update=5, value=6)", {'a': 1, 5: 6}),
            ("data = {'a': [1]}; helpers.copy_update(data, 'b', 2)['a'].append(2); data", {'a': [1]}),
            ("data = {'a': 1}; helpers.copy_update(data, {'a': 2}); data", {'a': 1}),
        ],
    ),
    (
        '`copy_update`: a falsy `update` copies only',
        [("helpers.copy_update({'a': 1}, %s, 2)" % update, {'a': 1}) for update in ('None', '{}', "''", '0', '[]')]
        + [("data = {'a': 1}; helpers.copy_update(data, None) is data", False)],
    ),
    (
        '`update_list`: with a key, one copy per value with that key set',
        [
            (
                "helpers.update_list({'action': 'hello-world'}, range(3), 'system_id')",
                [{'action': 'hello-world', 'system_id': number} for number in range(3)],
            ),
            ("helpers.update_list({'a': 1}, [{'b': 2}, None], key='a')", [{'a': {'b': 2}}, {'a': None}]),
            ('helpers.update_list({}, [], \'a\')', []),
        ],
    ),
    (
        '`update_list`: without, one copy per dict, updated by it',
        [
            (
                "helpers.update_list({'action': 'hello-world'}, [{'system_id': n, 'out': 11 * n} for n in (1, 2, 3)])",
                [{'action': 'hello-world', 'system_id': number, 'out': 11 * number} for number in (1, 2, 3)],
            ),
            ("helpers.update_list({'a': 1}, [{}])", [{'a': 1}]),
        ],
    ),
    (
        'README: the elements are (deep)copies of the dictionary',
        [
            ("data = {'a': []}; helpers.update_list(data, 'xy', 'b')[0]['a'].append(1); data", {'a': []}),
            ("one, two = helpers.update_list({'a': []}, 'xy', 'b'); one['a'] is two['a']", False),
        ],
    ),
    ('Ours: the words by name', [('list(helpers.FALSE_WORDS)', FALSE), ('list(helpers.TRUE_WORDS)', TRUE)]),
]
