"""Prints what the public functions of a module take, as JSON, without importing it: `python _signatures.py FILE`."""

import ast
import json
import sys


def _text(source, node):
    return ast.get_source_segment(source, node) if node is not None else None


def _parameter(source, argument, default, kind='plain'):
    found = {'name': argument.arg, 'kind': kind, 'optional': default is not None}
    if default is not None:
        found['defaultText'] = _text(source, default)
    if argument.annotation is not None:
        found['typeText'] = _text(source, argument.annotation)
    return found


def _signature(source, function):
    a = function.args
    positional = a.posonlyargs + a.args
    defaults = [None] * (len(positional) - len(a.defaults)) + list(a.defaults)
    params = [_parameter(source, one, default) for one, default in zip(positional, defaults)]
    if a.vararg is not None:
        params.append(_parameter(source, a.vararg, None, 'rest'))
    if a.kwarg is not None:
        params.append(dict(_parameter(source, a.kwarg, None, 'object'), optional=True))
    elif a.kwonlyargs:
        keys = []
        for argument, default in zip(a.kwonlyargs, a.kw_defaults):
            keys.append(dict({'name': argument.arg}, **({'defaultText': _text(source, default)} if default else {})))
        params.append({'name': 'keywords', 'kind': 'object', 'optional': True, 'destructuredKeys': keys})
    doc = ast.get_docstring(function) or ''
    return {
        'name': function.name,
        'params': params,
        'doc': doc,
        'docFirstLine': doc.split('\n')[0],
        'opaque': False,
    }


def main(path):
    with open(path, 'rb') as file:
        source = file.read()
    text = source.decode('utf-8')
    functions = [
        _signature(text, node)
        for node in ast.parse(source, path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith('_')
    ]
    json.dump(functions, sys.stdout)


if __name__ == '__main__':
    main(sys.argv[1])
