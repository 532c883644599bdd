"""Small tools to make argument lists and to read words. test/cases/helpers.json holds both languages to the same."""
FALSE_WORDS = ('false', 'none', 'no', 'null', 'f', 'n', '0')
TRUE_WORDS = ('true', 't', 'yes', 'y', '1')


def copy_update(data, update, value=None):
    """A deep copy of ``data``, updated by the dict ``update``, or with the key ``update`` set to ``value``.

    A falsy ``update`` only copies.
    """
    from copy import deepcopy

    if not isinstance(data, dict):
        raise ValueError('copy_update: expected a dict to copy, got ' + _describe(data))
    data = deepcopy(data)
    if update:
        if isinstance(update, dict):
            data.update(update)
        elif isinstance(update, list):
            raise ValueError('copy_update: expected a dict or the name of a key, got ' + _describe(update))
        else:
            data[update] = value
    return data


def update_list(data, value_list, key=None):
    """One deep copy of ``data`` for each of ``value_list``: with ``key``, that key set to the value; without, updated
    by the value, which then is a dict.

    >>> update_list({'action': 'hello'}, range(2), 'id')
    [{'action': 'hello', 'id': 0}, {'action': 'hello', 'id': 1}]
    """
    if key:
        return [copy_update(data, key, value) for value in value_list]
    copies = []
    for value in value_list:
        if value is not None and not isinstance(value, dict):
            raise ValueError(
                'update_list: expected dicts, got %s; name the key that takes the values' % _describe(value)
            )
        copies.append(copy_update(data, value))
    return copies


def is_str(value):
    """True when ``value`` is a str."""
    return isinstance(value, str)


def bool_str(value):
    """A true word (``true t yes y 1``, any case) becomes True, a false word (``false none no null f n 0``) False; any
    other value is returned unchanged."""
    if isinstance(value, str):
        word = value.lower()
        if word in FALSE_WORDS:
            return False
        if word in TRUE_WORDS:
            return True
    return value


def truthy(value):
    """Whether a word of the command line means yes: a str is False when it is one of ``false none no null f n 0`` in
    any case, else True. bool, int and None are returned as they are; other types raise ValueError."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        return value.lower() not in FALSE_WORDS
    raise ValueError('truthy: expected a str, a bool, an int or None, got ' + _describe(value))


def _describe(value):
    text = repr(value)
    if len(text) > 80:
        text = text[:77] + '...'
    return '%s (%s)' % (text, type(value).__name__)
