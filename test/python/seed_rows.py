"""What runs a table of calls: rows of Python text and the value that the original's sheet gives for each."""

import ast
import contextlib
import inspect
import io
import os
import pathlib
import re
import tempfile


class Raises:
    """In place of a value: the call raises `kind`, and its text matches `pattern`."""

    def __init__(self, kind, pattern=''):
        self.kind = kind
        self.pattern = pattern


def value_of(code, names):
    """The value of the last of some statements; `FILE` is a path of their own, `lines()` what stands there, `save(text)`
    puts something there, and `printed()` is what they have printed."""
    *first, last = ast.parse(code).body
    out = io.StringIO()
    with tempfile.TemporaryDirectory(prefix='dl seed ') as folder, contextlib.redirect_stdout(out):
        file = os.path.join(folder, 'x.ndjson')
        path = pathlib.Path(file)
        scope = dict(names, FILE=file, lines=lambda: path.read_text(encoding='utf-8').splitlines(), save=path.write_text)
        scope['printed'] = out.getvalue
        exec(compile(ast.Module(first, []), code, 'exec'), scope)
        return eval(compile(ast.Expression(last.value), code, 'eval'), scope)


def check(test, sentences, names):
    """Every row of `sentences`, each a sentence of the sheet with its calls and their values."""
    for sentence, rows in sentences:
        for code, wanted in rows:
            with test.subTest(code, sheet=sentence):
                if isinstance(wanted, Raises):
                    with test.assertRaisesRegex(wanted.kind, wanted.pattern):
                        value_of(code, names)
                    continue
                # By their text, because True == 1 and 1 == 1.0.
                test.assertEqual(repr(value_of(code, names)), repr(wanted))


def calls_of(sentences):
    return [code for _, rows in sentences for code, _ in rows]


def public_names(module):
    """What a module defines for others: no names with an underscore, and nothing that it merely imported."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith('_')
        and not inspect.ismodule(value)
        and getattr(value, '__module__', module.__name__) == module.__name__
    }


def names_in(codes, of):
    """The names of the module or class `of` that some calls mention: `helpers.truthy`."""
    return {name for code in codes for name in re.findall(r'\b%s\.(\w+)' % re.escape(of), code)}


def parameters(function):
    """Name, kind and default of each parameter, without `self`."""
    every = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in every if one.name != 'self']


def same_call(test, function, sheet):
    """`function` is called as the sheet says: the same names in the same order with the same defaults. What it takes
    besides comes after them and can be left out."""
    wanted = parameters(eval('lambda %s: None' % sheet))
    found = parameters(function)
    test.assertEqual(found[: len(wanted)], wanted)
    for name, _, default in found[len(wanted) :]:
        test.assertIsNot(default, inspect.Parameter.empty, name)
