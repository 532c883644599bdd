"""Tells the worker which task this host runs: see HOST_PROGRESS in src/contract/wire.ts.

Imported only by a host whose worker wants to know.
"""

import os
import sys
import time
from struct import Struct

FD = 5
_FORM = Struct('<IId')


def _monotonic():
    """The clock that Node's `process.hrtime()` reads, in seconds."""
    if sys.platform == 'darwin' and hasattr(time, 'CLOCK_MONOTONIC_RAW'):
        # There Python's own stands still while the machine sleeps, and Node's does not.
        return lambda: time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    return time.monotonic


class Progress:
    def __init__(self):
        self.clock = _monotonic()
        try:
            from mmap import mmap

            # On a full disk this says so, where writing to the mapped file would be the end of the process.
            os.pwrite(FD, bytes(_FORM.size), 0)
            memory = mmap(FD, _FORM.size)
        except Exception:  # such as on a file system that cannot map its files
            self.write = self.write_file
        else:
            self.write = memory.__setitem__

    @staticmethod
    def write_file(_, data):
        os.pwrite(FD, data, 0)

    def noted(self, call, batch):
        """`call`, for the tasks of batch number `batch` one after the other: says of each that it begins."""
        clock, pack, write, everything = self.clock, _FORM.pack, self.write, slice(0, _FORM.size)
        position = -1

        def task(arg):
            nonlocal position
            position += 1
            # All at once, not one by one: the worker may be reading.
            write(everything, pack(batch, position, clock() * 1000))
            return call(arg)

        return task
