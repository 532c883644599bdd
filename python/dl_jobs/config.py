"""The configuration in force: ``CONFIG``, ``get``, ``generate``. It is read when it is first asked for."""
import json
import os

from . import constants as c
from .utils import log as _log

DEFAULTS = {
    'cpus': c.CPUS,
    'gpus': c.GPUS,
    'cpu_job': c.CPU_JOB,
    'cpu_image': c.CPU_IMAGE,
    'gpu_image': c.GPU_IMAGE,
    'dls_root': c.DLS_ROOT,
    'is_dev': c.IS_DEV,
    'module_dir': c.MODULE_DIR,
    'print_logs': c.PRINT_LOGS,
    'default_method': c.DEFAULT_METHOD,
    'noisy': c.NOISY,
    'suppress': c.SUPPRESS,
    'save_results': c.SAVE_RESULTS,
    'save_errors': c.SAVE_ERRORS,
    'results_dir': c.RESULTS_DIR,
    'errors_dir': c.ERRORS_DIR,
    'log': c.LOG,
    'log_dir': c.LOG_DIR,
}

_config = None
_is_used = False


def use(settings):
    """The settings that the core has found, which calls a job function."""
    global _config, _is_used
    _config = dict(settings)
    _is_used = True


def is_used():
    """True in a job function that ``dl_jobs run`` calls."""
    return _is_used


def _loaded():
    global _config
    if _config is None:
        _config = _read()
    return _config


def _read():
    """
    What is in force where we stand. The command knows: it looks for the file in the folders above as well, and for
    ``DL_JOBS_*`` variables. Where it is not installed, in an image for instance, the file is read here.
    """
    from . import _core
    from .errors import DLJobsError

    try:
        _core.command()
    except DLJobsError:
        return dict(DEFAULTS, **_read_file())
    out, _ = _core.capture(['config', '--info', '--json'], 'CONFIG_INVALID')
    return json.loads(out)['settings']


def _read_file():
    if not os.path.exists(c.DL_JOBS_CONFIG_PATH):
        return {}
    try:
        import yaml
    except ImportError:
        raise RuntimeError(
            '%s: expected PyYAML or the command dl-jobs to read it with, found neither'
            % os.path.abspath(c.DL_JOBS_CONFIG_PATH)
        )
    with open(c.DL_JOBS_CONFIG_PATH) as file:
        return yaml.safe_load(file) or {}


def generate(
    cpus=None,
    gpus=None,
    cpu_job=None,
    cpu_image=None,
    gpu_image=None,
    dls_root=None,
    is_dev=None,
    module_dir=None,
    print_logs=None,
    default_method=None,
    noisy=None,
    suppress=None,
    save_results=None,
    save_errors=None,
    results_dir=None,
    errors_dir=None,
    log=None,
    log_dir=None,
    force=False,
    **settings
):
    """
    Writes ``dl_jobs.config.yaml`` into the working directory, with a comment for each setting; those given get their
    values. Raises DLJobsError if there is one, unless ``force``, and for a value that the setting does not take.
    """
    given = dict(locals())
    values = dict(given.pop('settings'), **given)
    del values['force']
    from . import _core

    words = ['%s:=%s' % (key, json.dumps(value)) for key, value in values.items() if value is not None]
    _, said = _core.capture(['config', '--force=%s' % bool(force), '--'] + words, 'CONFIG_INVALID')
    _log(said.strip(), True)
    global _config
    if not _is_used:
        # Read anew when it is asked for.
        _config = None


def get(key):
    """The value of a setting; raises KeyError for one that there is not."""
    return _loaded()[key]


def __getattr__(name):
    if name == 'CONFIG':
        return _loaded()
    raise AttributeError('module %r has no attribute %r' % (__name__, name))
