"""``python -m dl_jobs …`` is ``dl_jobs …``."""
import os
import sys

from . import _core
from .errors import DLJobsError


def main():
    try:
        words = _core.command()
    except DLJobsError as error:
        sys.stderr.write('error: %s\n' % error)
        sys.exit(3)
    # In place of this process: signals and the terminal are the command's own.
    os.execve(words[0], words + sys.argv[1:], _core.environment())


if __name__ == '__main__':
    main()
