"""NDJSON files: one JSON value a line, UTF-8. test/cases/ndjson.json holds both languages to the same."""
import json

_BOM = b'\xef\xbb\xbf'


class NdjsonError(ValueError):
    """A line that is not JSON: ``path``, ``line`` (from 1) and ``torn``, true when the line is the last one and has
    no newline, because its writer was interrupted."""

    def __init__(self, path, line, torn, got):
        if torn:
            text = '%s:%d: the last line is torn (it has no newline): expected one JSON value, got %s'
        else:
            text = '%s:%d: expected one JSON value on the line, got %s'
        super().__init__(text % (path, line, got))
        self.path = path
        self.line = line
        self.torn = torn
        self._got = got

    def __reduce__(self):
        return type(self), (self.path, self.line, self.torn, self._got)


def read(path):
    """The values of an NDJSON file as a list. Blank lines, CRLF, a byte order mark and a missing newline at the end
    are tolerated; a line that is not JSON raises :class:`NdjsonError`."""
    return list(stream(path))


def stream(path):
    """As :func:`read`, one value at a time: for files larger than memory."""
    with open(path, 'rb') as file:
        for number, raw in enumerate(file, 1):
            torn = not raw.endswith(b'\n')
            if number == 1 and raw.startswith(_BOM):
                raw = raw[len(_BOM):]
            raw = raw.strip(b' \t\r\n')
            if raw:
                yield _parse(raw, str(path), number, torn)


def write(ndjsn, path, overwrite=False, func=None, **kwargs):
    """Appends to an NDJSON file (``overwrite``: replaces it); returns the number of lines written.

    A generator or another iterator is written element by element, anything else, also a list, as one line.
    ``func(obj, **kwargs)`` maps each object first. A str that is JSON text is written as given (its line breaks as
    blanks); any other str, and any other value, is JSON-encoded, so that whatever is written can be read again.
    Where the file ends in an unfinished line, the new ones begin on a line of their own.
    """
    elements = ndjsn if hasattr(ndjsn, '__next__') else [ndjsn]
    count = 0
    with open(path, 'wb' if overwrite else 'ab') as file:
        unfinished = not overwrite and _ends_unfinished(file, path)
        for element in elements:
            line = _line(func(element, **kwargs) if func else element)
            if unfinished:
                unfinished = False
                file.write(b'\n')
            file.write(line + b'\n')
            count += 1
    return count


def apply(path, func, postprocess=None, postprocess_kwargs={}, **kwargs):
    """``func(value, **kwargs)`` for each value of an NDJSON file: the list of what it returned, or what
    ``postprocess(list, **postprocess_kwargs)`` returns."""
    results = [func(value, **kwargs) for value in stream(path)]
    return postprocess(results, **postprocess_kwargs) if postprocess else results


def dumps(value):
    """``value`` as JSON text in one line, converted as the result of a task is: NaN is null, sets and tuples are arrays,
    dates ISO text, numpy arrays and dataclasses too. Raises an ``InvalidResult`` for what JSON cannot hold."""
    from dl_jobs._values import to_json

    return to_json(value)


def _refuse(name):
    # json.loads would take NaN and Infinity, which are not JSON.
    raise ValueError(name + ' is not JSON')


def _parse(raw, path, number, torn):
    try:
        text = raw.decode('utf-8')
    except UnicodeDecodeError:
        # A character cut in two at the end of an unfinished line is not UTF-8 either.
        raise NdjsonError(path, number, torn, '%r, which is not UTF-8' % raw[:60]) from None
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise NdjsonError(path, number, torn, 'a value that is nested too deeply') from None
    except ValueError as error:
        shown = text if len(text) <= 80 else text[:77] + '...'
        raise NdjsonError(path, number, torn, '%s (%s)' % (json.dumps(shown, ensure_ascii=False), error)) from None


def _line(value):
    if isinstance(value, str):
        try:
            json.loads(value, parse_constant=_refuse)
            # In JSON text a line break is blank space between tokens: inside a string it would not have parsed.
            text = value.replace('\r', ' ').replace('\n', ' ')
        except (ValueError, RecursionError):
            text = json.dumps(value, ensure_ascii=False)
    else:
        text = dumps(value)
    try:
        return text.encode('utf-8')
    except UnicodeEncodeError:
        # Half of a surrogate pair has no UTF-8; as an escape it survives.
        return json.dumps(json.loads(text), separators=(',', ':')).encode('ascii')


def _ends_unfinished(file, path):
    if not file.seekable() or file.tell() == 0:
        return False
    with open(path, 'rb') as end:
        end.seek(-1, 2)
        return end.read(1) != b'\n'
