"""Wrappers of task functions. The usual order:

    @as_json
    @attempt
    @expand_args
    def do_work(arg1, arg2, kwarg1='value1'):
        return {'success': True}

``async def`` functions stay async. test/cases/decorators.json holds these and the TypeScript ones to the same.
"""
import functools

_CO_COROUTINE = 0x80
_MARK = '__dl_expand_args__'


def expand_args(func):
    """A function of one argument made from ``func``, called as ``wrapper(args=[], kwargs={})``.

    A list or tuple is spread, a dict given alone is passed as keywords, a list and a dict as both; anything else is
    passed as the single argument. Calls of another form reach ``func`` unchanged.
    """

    def wrapper(*args, **kwargs):
        args, kwargs = _expanded(args, kwargs)
        return func(*args, **kwargs)

    async def async_wrapper(*args, **kwargs):
        args, kwargs = _expanded(args, kwargs)
        return await func(*args, **kwargs)

    wrapped = _dress(func, wrapper, async_wrapper)
    setattr(wrapped, _MARK, True)
    return wrapped


def attempt(func):
    """A function that returns ``{'ERROR': message, 'ARGS': [...], 'KWARGS': {...}}`` where ``func`` raises.

    Such a value makes the task an error result. ``ARGS`` and ``KWARGS`` are the arguments of the call: the element in
    ``ARGS``, or the list and the dict of a single-task job.
    """

    def wrapper(*args, **kwargs):
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            return _failed(error, func, args, kwargs)
        return guarded(result, args, kwargs) if _is_awaitable(result) else result

    async def guarded(awaitable, args, kwargs):
        try:
            return await awaitable
        except Exception as error:
            return _failed(error, func, args, kwargs)

    async def async_wrapper(*args, **kwargs):
        try:
            return await func(*args, **kwargs)
        except Exception as error:
            return _failed(error, func, args, kwargs)

    return _dress(func, wrapper, async_wrapper)


def as_json(func):
    """A function that returns what ``func`` returns as JSON text: a str passes as it is, None becomes ``'{}'``.

    ``return_as_dict``, a keyword or an entry of the first or the last dict among the arguments, is taken out; where it
    is true the value is returned as it is. Values are converted as ``nd_json.dumps`` says, which raises for what JSON
    cannot hold.
    """

    def wrapper(*args, **kwargs):
        args, kwargs, as_dict = _take_as_dict(func, args, kwargs)
        result = func(*args, **kwargs)
        if as_dict:
            return result
        return converted(result) if _is_awaitable(result) else _text(result)

    async def converted(awaitable):
        return _text(await awaitable)

    async def async_wrapper(*args, **kwargs):
        args, kwargs, as_dict = _take_as_dict(func, args, kwargs)
        result = await func(*args, **kwargs)
        return result if as_dict else _text(result)

    return _dress(func, wrapper, async_wrapper)


def is_expanding(func):
    """True when ``func``, or what it wraps, was made by :func:`expand_args`."""
    return getattr(func, _MARK, False) is True


def _dress(func, wrapper, async_wrapper):
    # functools.wraps copies the attributes too, so the mark travels.
    return functools.wraps(func)(async_wrapper if _is_async(func) else wrapper)


def _is_async(func):
    # inspect.iscoroutinefunction without importing inspect, which every host would pay for at its start.
    while isinstance(func, functools.partial):
        func = func.func
    code = getattr(func, '__code__', None)
    if code is None:
        code = getattr(getattr(type(func), '__call__', None), '__code__', None)
    return bool(getattr(code, 'co_flags', 0) & _CO_COROUTINE)


def _is_awaitable(value):
    return hasattr(type(value), '__await__')


def _list_and_dict(args, kwargs):
    """The list and the dict of ``wrapper(args, kwargs)``, however they were given; None for other calls."""
    if len(args) + len(kwargs) > 2:
        return None
    if len(args) == 2:
        given, keywords = args
    elif len(args) == 1 and list(kwargs) == ['kwargs']:
        given, keywords = args[0], kwargs['kwargs']
    elif not args and kwargs and set(kwargs) <= {'args', 'kwargs'}:
        given, keywords = kwargs.get('args'), kwargs.get('kwargs')
    else:
        return None
    if given is None:
        given = []
    if keywords is None:
        keywords = {}
    if not isinstance(keywords, dict):
        return None
    if isinstance(given, dict):
        return [], {**given, **keywords}
    if isinstance(given, (list, tuple)):
        return list(given), keywords
    return [given], keywords


def _expanded(args, kwargs):
    if len(args) == 1 and not kwargs:
        if isinstance(args[0], dict):
            return [], args[0]
        return (args[0] if isinstance(args[0], (list, tuple)) else args), {}
    return _list_and_dict(args, kwargs) or (args, kwargs)


def _failed(error, func, args, kwargs):
    pair = _list_and_dict(args, kwargs) if is_expanding(func) else None
    args, kwargs = pair or (args, kwargs)
    # Never empty: an empty ERROR would make a failed task a good one.
    return {'ERROR': str(error) or type(error).__name__, 'ARGS': list(args), 'KWARGS': kwargs}


def _take_as_dict(func, args, kwargs):
    wish = None
    if 'return_as_dict' in kwargs:
        wish = kwargs.pop('return_as_dict')
        return args, kwargs, _is_true(wish)
    if is_expanding(func):
        for name in ('kwargs', 'args'):
            nested = kwargs.get(name)
            if isinstance(nested, dict) and 'return_as_dict' in nested:
                rest, wish = _without(nested)
                return args, {**kwargs, name: rest}, _is_true(wish)
    dicts = [index for index, nested in enumerate(args) if isinstance(nested, dict)]
    for index in dicts[:1] + dicts[-1:]:
        if 'return_as_dict' in args[index]:
            # A copy: the caller's dict is not ours to change.
            rest, wish = _without(args[index])
            # Keywords that hold nothing else would not have been passed at all.
            kept = () if not rest and 0 < index == len(args) - 1 else (rest,)
            return args[:index] + kept + args[index + 1:], kwargs, _is_true(wish)
    return args, kwargs, False


def _without(mapping):
    rest = dict(mapping)
    return rest, rest.pop('return_as_dict')


def _is_true(wish):
    if isinstance(wish, str):
        from dl_jobs.helpers import truthy

        return truthy(wish)
    return bool(wish)


def _text(result):
    if isinstance(result, str):
        return result
    if result is None:
        return '{}'
    from dl_jobs.nd_json import dumps

    return dumps(result)
