"""What a task returns, as JSON text. Standard library only; numpy is looked at only when the task imported it.

Over 300 lines: the table below, its quick path and its careful path must agree, and are read together.

| Python                                         | JSON                                                   |
|------------------------------------------------|--------------------------------------------------------|
| None, bool, str, int, finite float             | the same                                               |
| NaN, Infinity, -Infinity                       | null                                                   |
| list, tuple, namedtuple, set, frozenset, deque, range, dict views, array.array | array (sets in their order) |
| dict and other mappings                        | object; int, float, bool and None keys as `json` writes them |
| dataclass                                      | object of its fields                                   |
| Enum                                           | its value                                              |
| datetime, date, time (and pandas Timestamp)    | ISO 8601 text; not-a-time: null                        |
| Path                                           | text                                                   |
| UUID                                           | text                                                   |
| Decimal                                        | number (the nearest float)                             |
| bytes, bytearray, memoryview                   | base64 text                                            |
| numpy scalar; numpy array                      | number, bool or text; nested arrays (datetime64: ISO)  |
| pandas Series (a row); DataFrame; Index; NA    | object; array of rows; array; null                     |

All else (functions, complex numbers, cycles, generators, keys of other types …) is an `InvalidResult` that names
the place: `result.a[3]: ...`.
"""

import sys

try:
    # The package `json` brings `re` with it, and takes longer to import than a host without it to start.
    from _json import encode_basestring as _encode_text, make_encoder as _make_encoder, make_scanner as _make_scanner
except ImportError:
    _make_encoder = _make_scanner = None

_SCALARS = frozenset((type(None), bool, int, float))
_NATIVE = frozenset((type(None), bool, int, float, str, list, tuple, dict))

# From this many characters of results on, orjson is tried: importing it costs more than small results can save.
_ORJSON_FROM = 262144


class InvalidResult(Exception):
    """A result that JSON cannot hold. `where` is the path below `result`, inner parts added as the stack unwinds."""

    def __init__(self, what):
        super().__init__(what)
        self.what = what
        self.where = []

    def __str__(self):
        return 'result%s: %s' % (''.join(reversed(self.where)), self.what)


# A host that has secrets to hide puts a function here: once a text is cut, part of a secret is no longer recognized.
mask = None


def _unfit(value):
    try:
        shown = repr(value)
    except Exception:
        shown = object.__repr__(value)
    if mask is not None:
        shown = mask(shown)
    if len(shown) > 80:
        shown = shown[:77] + '...'
    return InvalidResult('expected a value that JSON can hold, got `%s` (%s)' % (shown, type(value).__name__))


def _loaded(module, name):
    """Class `name` of `module`, if the task's code loaded that module; else an empty tuple, for isinstance."""
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) else ()


def _numpy(value):
    """A numpy scalar or array in plain types; `value` itself if it is neither."""
    numpy = sys.modules.get('numpy')
    generic, array = getattr(numpy, 'generic', ()), getattr(numpy, 'ndarray', ())
    if not isinstance(value, (generic, array)):
        return value
    if value.dtype.kind == 'M':
        text = numpy.datetime_as_string(value).tolist()
        return _without_nat(text)
    if isinstance(value, array):
        if value.dtype.kind == 'g' or str(value.dtype).startswith('float128'):
            value = value.astype(float)
        return value.tolist()
    plain = value.item()
    # The item of a long double is a long double.
    return float(plain) if isinstance(plain, generic) else plain


def _without_nat(text):
    if isinstance(text, list):
        return [_without_nat(item) for item in text]
    return None if text == 'NaT' else text


def leaf(value):
    """One step of the table for what `json` does not know; raises TypeError where the table has no row."""
    # Modules that the task did not load cannot have made the value, and are not loaded for it.
    if isinstance(value, _loaded('enum', 'Enum')):
        return value.value
    if isinstance(value, (_loaded('datetime', 'datetime'), _loaded('datetime', 'date'), _loaded('datetime', 'time'))):
        return value.isoformat() if value == value else None  # pandas' NaT is a datetime unequal to itself
    if isinstance(value, (bytes, bytearray, memoryview)):
        from binascii import b2a_base64

        return b2a_base64(bytes(value), newline=False).decode('ascii')
    if isinstance(value, (set, frozenset, range)):
        return list(value)
    if isinstance(value, (_loaded('pathlib', 'PurePath'), _loaded('uuid', 'UUID'))):
        return str(value)
    if isinstance(value, _loaded('decimal', 'Decimal')):
        return float(value) if value.is_finite() else None
    if 'numpy' in sys.modules:
        plain = _numpy(value)
        if plain is not value:
            return plain
    if 'pandas' in sys.modules:
        if isinstance(value, _loaded('pandas', 'Series')):
            return dict(value.items())
        if isinstance(value, _loaded('pandas', 'DataFrame')):
            return list(rows_of(value))
        if isinstance(value, _loaded('pandas', 'Index')):
            return list(value)
        if value is getattr(sys.modules['pandas'], 'NA', value):
            return None
    fields = getattr(type(value), '__dataclass_fields__', None)
    if fields is not None and not isinstance(value, type):
        dataclasses = sys.modules.get('dataclasses')
        if dataclasses is not None:
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    from collections import abc, deque

    if isinstance(value, abc.Mapping):
        return dict(value.items())
    if isinstance(value, (deque, abc.Set, abc.ValuesView)):
        return list(value)
    if isinstance(value, _loaded('array', 'array')):
        return value.tolist()
    raise TypeError('no JSON for %s' % type(value).__name__)


def rows_of(table):
    """The rows of a pandas DataFrame, each a dict."""
    columns = list(table.columns)
    return (dict(zip(columns, row)) for row in table.itertuples(index=False, name=None))


_markers = {}


def _make_encode(separator):
    """`encode(value)`: JSON text, or TypeError, ValueError, RecursionError."""
    try:
        # The C encoder, made once: JSONEncoder.encode makes one a call.
        c_encode = _make_encoder(_markers, leaf, _encode_text, None, ':', separator, False, False, False)
        c_encode({'a': [1.5]}, 0)
    except Exception:
        from json import JSONEncoder

        return JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(separator, ':'), default=leaf).encode
    join = ''.join

    def encode(value):
        return join(c_encode(value, 0))

    return encode


class _Reading:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def _make_parse():
    try:
        scan = _make_scanner(_Reading)
        if scan('{"a":[1.5,NaN]}', 0)[1] != 15:
            raise ValueError()
    except Exception:
        from json import loads

        return loads

    def parse(text):
        text = text.strip(' \t\r\n')
        try:
            value, end = scan(text, 0)
        except StopIteration:
            raise ValueError('expected JSON text') from None
        if end != len(text):
            raise ValueError('expected the end of the JSON text at character %d' % end)
        return value

    return parse


# JSON text, white space around it or not, as a value; may raise anything.
parse = _make_parse()
_encode = _make_encode(',')
# Elements of a list of scalars apart by what no JSON text has in it.
_encode_lines = _make_encode('\n')
_INT, _NONE = {int}, {type(None)}
_orjson = None
_seen = 0


def _try_orjson():
    """An encoder by orjson that agrees with ours wherever it does not raise, or None."""
    try:
        import orjson

        options = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
        dumps = orjson.dumps
        if dumps([1, float('nan'), 'é'], leaf, options) != '[1,null,"é"]'.encode():
            return None
    except Exception:
        return None
    return lambda value: dumps(value, _leaf_or_base, options).decode('utf-8')


def _leaf_or_base(value):
    """As `leaf`, for orjson, which passes subclasses of the plain types here too."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    return leaf(value)


def to_json(value):
    """`value` as JSON text on one line, by the table above; raises InvalidResult. Lone surrogates stay in it."""
    global _orjson, _seen
    if _orjson:
        try:
            return _orjson(value)
        except Exception:
            pass
    try:
        text = _encode(value)
    except Exception:
        _markers.clear()  # a failed encoding leaves its marks, which would look like cycles later
        text = _slow(value)
    if _orjson is None:
        _seen += len(text)
        if _seen > _ORJSON_FROM:
            _orjson = _try_orjson() or False
    return text


def scalar_texts(values):
    """The JSON text of each of `values` (None, bool, int, float, str), or None where they need to_json one by one."""
    try:
        kinds = set(map(type, values))
        if kinds == _INT:
            return list(map(repr, values))
        if kinds == _NONE:
            return ['null'] * len(values)
        return _encode_lines(values)[1:-1].split('\n')
    except Exception:
        _markers.clear()
        return None


def _slow(value):
    try:
        return _encode(_plain(value, set()))
    except InvalidResult:
        raise
    except RecursionError:
        raise InvalidResult('expected a value that JSON can hold, got one that is nested too deep') from None
    except Exception as error:
        raise InvalidResult('expected a value that JSON can hold: %s: %s' % (type(error).__name__, error)) from None
    finally:
        _markers.clear()


def _plain(value, parents):
    """`value` in the plain types of `json`; `parents`: ids of the containers around it."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        if value.bit_length() > 10000:
            try:
                int.__repr__(value)
            except ValueError:
                raise InvalidResult(
                    'expected a value that JSON can hold, got an integer of %d bits (int)' % value.bit_length()
                ) from None
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    key = id(value)
    if key in parents:
        raise InvalidResult('expected a value that JSON can hold, got a cycle (%s)' % type(value).__name__)
    parents.add(key)
    if isinstance(value, dict):
        plain = _plain_dict(value, parents)
    elif isinstance(value, (list, tuple)):
        plain = _plain_list(value, parents)
    else:
        try:
            below = leaf(value)
        except RecursionError:
            raise
        except Exception:
            raise _unfit(value) from None
        plain = _plain(below, parents)
    parents.discard(key)
    return plain


def _plain_list(values, parents):
    plain = []
    add = plain.append
    try:
        for value in values:
            if type(value) is float:
                add(value if value - value == 0 else None)
            else:
                add(_plain(value, parents))
    except InvalidResult as error:
        error.where.append('[%d]' % len(plain))
        raise
    return plain


# Keys that JSON has no number for, as `json` writes them.
_CONSTANTS = {'nan': 'NaN', 'inf': 'Infinity', '-inf': '-Infinity'}


def _plain_dict(values, parents):
    plain = {}
    for key, value in values.items():
        name = key
        if not isinstance(key, str):
            if 'numpy' in sys.modules:
                key = _numpy(key)
            if key is None or isinstance(key, (bool, int, float)):
                name = _CONSTANTS.get(repr(key)) or next(iter(parse(_encode({key: 0}))))
            elif isinstance(key, str):
                name = key
            else:
                error = InvalidResult('expected a key that is a string or number, got `%r` (%s)' % (key, type(key).__name__))
                raise error
        try:
            plain[name] = _plain(value, parents)
        except InvalidResult as error:
            error.where.append('.' + name if name.isidentifier() else '[%s]' % _encode(name))
            raise
    return plain


def _unwrapped(value):
    """One result as error rules see it: JSON text parsed, what the table converts converted one step."""
    for _ in range(4):
        kind = type(value)
        if kind is str:
            return _parsed(value)
        if kind in _NATIVE:
            return value
        if isinstance(value, str):
            return _parsed(str.__str__(value))
        if isinstance(value, (dict, list, tuple, int, float)):
            return value
        try:
            value = leaf(value)
        except Exception:
            return value  # reported, with its path, when it is encoded
    return value


def _parsed(text):
    """The value that `text` is the JSON of, if that is an object or an array; else `text`."""
    first = text[:1]
    if first and first in ' \t\r\n':
        first = text.lstrip(' \t\r\n')[:1]
    if first != '{' and first != '[':
        return text
    try:
        return parse(text)
    except Exception:
        return text


def _is_error(value):
    if isinstance(value, str):
        return value[:5] == 'ERROR'
    if isinstance(value, dict):
        error = value.get('ERROR')
        try:
            return bool(error)
        except Exception:
            return True  # such as an array of several elements: something is there
    return False


def encode_result(value, grouped):
    """`(is an error result, JSON text)` of what a task returned; raises InvalidResult."""
    if type(value) in _SCALARS:
        return False, to_json(value)
    value = _unwrapped(value)
    if not grouped and isinstance(value, (list, tuple)):
        value = [item if type(item) in _SCALARS else _unwrapped(item) for item in value]
        failed = False
        for item in value:
            if _is_error(item):
                failed = True
                break
        return failed, to_json(value)
    return _is_error(value), to_json(value)
