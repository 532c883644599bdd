"""The command line, for those who start it from Python: ``python -m dl_jobs run tiles.segment amazon``."""
import subprocess
import sys

from . import _core


def cli(args=None):
    """
    Runs ``dl_jobs`` with the words ``args``, by default those that this program was started with, and ends the
    program with its exit code.
    """
    sys.exit(_status(sys.argv[1:] if args is None else args))


def run(*args):
    """``dl_jobs run``; returns the exit code."""
    return _status(('run',) + args)


def config(*args):
    """``dl_jobs config``; returns the exit code."""
    return _status(('config',) + args)


def test(*args):
    """``dl_jobs test``; returns the exit code."""
    return _status(('test',) + args)


def _status(args):
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    child = subprocess.Popen(_core.command() + [str(arg) for arg in args], env=_core.environment())
    while True:
        try:
            status = child.wait()
        except KeyboardInterrupt:
            # The terminal has told it as well, and it ends in order.
            continue
        # As a shell has it.
        return status if status >= 0 else 128 - status
