"""A table of calls with the results that the sheet of the original's API and its README give, for the modules that a
task uses. The rows are in seed_calls_*.py, `DLJob` has its own in test_seed_job.py.
"""

import json
import re
import types
import unittest

from dl_jobs import constants, decorators, helpers, nd_json, utils
from seed_calls_helpers import CONSTANTS, HELPERS
from seed_calls_tasks import DECORATORS, ND_JSON, UTILS, call, do_work, fails, seconds
from seed_rows import calls_of, check, names_in, public_names, same_call

MODULES = {'constants': constants, 'decorators': decorators, 'helpers': helpers, 'nd_json': nd_json, 'utils': utils}

# What the sheet lists, as it writes it.
SIGNATURES = {
    'decorators': ['expand_args(func)', 'attempt(func)', 'as_json(func)'],
    'helpers': [
        'copy_update(data, update, value=None)',
        'update_list(data, value_list, key=None)',
        'is_str(value)',
        'bool_str(value)',
        'truthy(value)',
    ],
    'nd_json': [
        'read(path)',
        'write(ndjsn, path, overwrite=False, func=None, **kwargs)',
        'apply(path, func, postprocess=None, postprocess_kwargs={}, **kwargs)',
    ],
    'utils': [
        'Timer()',
        'save_pickle(obj, path)',
        'read_pickle(path)',
        'vspace(n=2)',
        "line(char='-', length=100)",
        "log(msg, noisy, level='INFO')",
        'suppress(msg)',
    ],
}
NAMES_OF_CONSTANTS = (
    'PY27 PY27_GPU PY36 PY36_GPU PY37 IMAGES CPUS GPUS CPU_JOB CPU_IMAGE GPU_IMAGE DLS_ROOT IS_DEV NOISY MODULE_DIR '
    'PRINT_LOGS DEFAULT_METHOD SUPPRESS SAVE_RESULTS SAVE_ERRORS RESULTS_DIR ERRORS_DIR LOG LOG_DIR DL_JOBS_CONFIG_PATH'
).split()

ROWS = CONSTANTS + HELPERS + DECORATORS + ND_JSON + UTILS
NAMES = dict(MODULES, call=call, fails=fails, do_work=do_work, seconds=seconds, loads=json.loads)


class SeedTable(unittest.TestCase):
    def test_each_call_gives_what_the_sheet_says(self):
        check(self, ROWS, NAMES)

    def test_each_public_name_has_a_row(self):
        calls = calls_of(ROWS)
        for name, module in MODULES.items():
            self.assertEqual(sorted(public_names(module) - names_in(calls, name)), [], name)
        methods = {name for name, value in vars(utils.Timer).items() if isinstance(value, types.FunctionType)}
        called = {name for code in calls for name in re.findall(r'\bt\.(\w+)\(\)', code)}
        self.assertEqual(sorted(methods - called), ['__init__'])

    def test_each_name_of_the_sheet_is_called_as_it_says(self):
        for name, signatures in SIGNATURES.items():
            for signature in signatures:
                with self.subTest('%s.%s' % (name, signature)):
                    function, _, rest = signature.partition('(')
                    same_call(self, getattr(MODULES[name], function), rest[:-1])

    def test_the_constants_are_those_of_the_sheet(self):
        self.assertEqual(sorted(public_names(constants)), sorted(NAMES_OF_CONSTANTS))


if __name__ == '__main__':
    unittest.main()
