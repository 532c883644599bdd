"""Runs a task function under Python's debugger, on the terminal. Imported only by a host that was asked to.

The host was started with DL_JOBS_INSPECT=1, and 0 to 2 on the terminal.
"""

import inspect
import pdb

# Between the task and the debugger, and between the steps of an async task.
_HIDDEN = ('_serve', '_task', 'dl_jobs.*', 'asyncio', 'asyncio.*', 'selectors')


class _TaskDebugger(pdb.Pdb):
    """Stops for the first time at the first line of `code`, whatever calls it; None: at the first line there is."""

    def __init__(self, code):
        super().__init__(skip=_HIDDEN)
        self.code = code
        self.arrived = code is None
        self.left = False

    def set_quit(self):
        self.left = True
        super().set_quit()

    def user_call(self, frame, argument_list):
        if self.arrived:
            super().user_call(frame, argument_list)

    def user_line(self, frame):
        if self.arrived or frame.f_code is self.code:
            self.arrived = True
            super().user_line(frame)

    def user_return(self, frame, return_value):
        if self.arrived:
            super().user_return(frame, return_value)

    def user_exception(self, frame, exc_info):
        if self.arrived:
            super().user_exception(frame, exc_info)


def _code_of(func):
    """The code that the user wrote: below decorators that say what they wrap."""
    func = inspect.unwrap(func)
    return getattr(func, '__code__', None) or getattr(getattr(type(func), '__call__', None), '__code__', None)


def debugged(func, finish):
    """`func` under the debugger. `finish` waits for what an async one returns: the body of it runs only then."""
    code = _code_of(func)

    def task(*args, **kwargs):
        debugger = _TaskDebugger(code)
        try:
            return debugger.runcall(lambda: finish(func(*args, **kwargs)))
        finally:
            # Ended by an exception that the task's own code may have caught, and made something of.
            if debugger.left:
                raise SystemExit(0)

    return task
