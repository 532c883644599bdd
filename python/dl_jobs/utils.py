"""Timer, pickles, and lines on the screen."""
import time

_MONTHS = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')
SUPPRESS = ('DeprecationWarning', 'FutureWarning')


class Timer(object):
    """A stop watch that speaks in text.

    >>> timer = Timer()
    >>> timer.start()     # 'May 20 2019 21:47:30'
    >>> timer.stop()      # 'May 20 2019 21:47:44'
    >>> timer.duration()  # '0:00:14'

    ``clock`` gives the time in seconds since 1970; default ``time.time``.
    """

    def __init__(self, clock=time.time):
        self._clock = clock
        self._started = None
        self._stopped = None

    def start(self):
        """Starts, the first time it is called; returns the time of the start."""
        if self._started is None:
            self._started = self._clock()
        return _format_time(self._started)

    def stop(self):
        """Stops, the first time it is called; returns the time of the stop."""
        if self._stopped is None:
            self._stopped = self._clock()
        return _format_time(self._stopped)

    def end(self):
        """The same as ``stop``."""
        return self.stop()

    def duration(self):
        """Time from start to stop, or so far while it runs: ``'0:00:14'``. Before the start ``'0:00:00'``."""
        if self._started is None:
            return _format_elapsed(0)
        return _format_elapsed((self._clock() if self._stopped is None else self._stopped) - self._started)

    def now(self):
        """The time now: ``'May 20 2019 21:47:30'``."""
        return _format_time(self._clock())


def save_pickle(obj, path):
    """Writes ``obj`` to a pickle file."""
    import pickle

    with open(path, 'wb') as file:
        pickle.dump(obj, file, protocol=pickle.HIGHEST_PROTOCOL)


def read_pickle(path):
    """The object in a pickle file. Reading a pickle runs code: read only files that you trust."""
    import pickle

    with open(path, 'rb') as file:
        return pickle.load(file)


def vspace(n=2):
    """Prints ``n`` line breaks."""
    print('\n' * n)


def line(char='-', length=100):
    """Prints a line of ``length`` times ``char``."""
    print(char * length)


def log(msg, noisy, level='INFO'):
    """Prints ``[INFO] DL_JOBS: msg`` when ``noisy``."""
    if noisy:
        print('[{}] DL_JOBS: {}'.format(level, msg))


def suppress(msg, words=SUPPRESS):
    """The first of ``words`` that occurs in ``msg``, in any case, else False; True for an empty ``msg``."""
    if not msg:
        return True
    text = str(msg).lower()
    return next((word for word in words if str(word).lower() in text), False)


def _format_time(seconds):
    # Not strftime('%b'), which follows the locale.
    at = time.localtime(seconds)
    return '%s %02d %d %02d:%02d:%02d' % (
        _MONTHS[at.tm_mon - 1], at.tm_mday, at.tm_year, at.tm_hour, at.tm_min, at.tm_sec
    )


def _format_elapsed(seconds):
    total = max(0, int(seconds))
    days, rest = divmod(total, 86400)
    clock = '%d:%02d:%02d' % (rest // 3600, rest // 60 % 60, rest % 60)
    if days == 0:
        return clock
    return '%d %s, %s' % (days, 'day' if days == 1 else 'days', clock)
