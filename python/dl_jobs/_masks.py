"""Hides secrets in what a task says of its failure: the parts that regular expressions match become `*`.

As src/worker/mask-errors.ts. Imported only by a host that has something to hide.
"""

import re
import warnings

from dl_jobs._values import parse, to_json

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
# How JavaScript begins a named group; Python wants a `P`.
_NAMED_GROUP = re.compile(r'\(\?<(?![=!])')


def text_mask(sources):
    """A function that masks a text, or None where there is nothing to hide.

    `sources` are regular expressions of JavaScript; those that Python does not understand are passed over.
    """
    patterns = [pattern for pattern in map(_compiled, sources) if pattern is not None]
    if not patterns:
        return None

    def mask(text):
        masked = text
        try:
            for pattern in patterns:
                masked = pattern.sub(_stars, masked)
        except Exception:
            return '*' * len(text)  # rather too much than a secret
        return masked

    return mask


def json_mask(mask):
    """A function that masks all strings of a JSON text, keys too; the rest of the text stays as it is."""

    def masked(match):
        literal = match.group()
        text = parse(literal)
        hidden = mask(text)
        return literal if hidden == text else to_json(hidden)

    return lambda text: _STRING.sub(masked, text)


def _stars(match):
    return '*' * len(match.group())


def _compiled(source):
    with warnings.catch_warnings():
        # Such as that a later Python will read it otherwise: nobody here can change it.
        warnings.simplefilter('ignore')
        for text in (source, _NAMED_GROUP.sub('(?P<', source)):
            try:
                # As in JavaScript, letters and digits are those of ASCII.
                return re.compile(text, re.ASCII)
            except Exception:
                pass
    return None
