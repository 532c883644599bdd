"""The Python host: the child process in which task functions run.

Started as `python .../dl_jobs/_host.py`, with 0 on /dev/null, 1 and 2 on its log file (append), and one end of a
socket pair each on 3 (to read) and 4 (to write). Standard library only. A script is compiled at each start, so this
one is short: see _serve.py.
"""

import os
import sys


def _load():
    """Import what lies beside this file, then take its folder off the path: it holds no module of the user's."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    from _serve import main

    # Under their real names, should anyone import them from the package.
    for name in ('_serve', '_records', '_task', '_values'):
        sys.modules['dl_jobs.' + name] = sys.modules.pop(name)
    real = os.path.realpath(here)
    sys.path[:] = [path for path in sys.path if not path or os.path.realpath(path) != real]
    return main


# A child of the multiprocessing module may load this file again, and must not become a host.
if __name__ == '__main__':
    _load()()
