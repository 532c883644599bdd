"""Runs the Python tests and writes their counts as JSON to the file named by the first argument.

Any further arguments are parts of test ids to choose (``test_ndjson``, ``test_timer.``). A test that is skipped with a
reason that begins with ``missing: `` counts as failed when ``DL_JOBS_CI`` is ``1``; else what follows, such as
``numpy: pip install numpy``, is listed in the file as ``missing``. ``failures`` in it says which tests failed, and why.
"""

import json
import os
import re
import sys
import unittest

TRACEBACK = "Traceback (most recent call last):"


class Result(unittest.TextTestResult):
    """Counts passed tests too, and knows skips for a missing component."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addSkip(self, test, reason):
        if reason.startswith("missing: ") and os.environ.get("DL_JOBS_CI") == "1":
            self.failures.append((test, "skipped without --no-missing: " + reason))
            return
        super().addSkip(test, reason)


def id_of(test):
    """``test_timer.Timer.test_lines``; ``test_timer`` for the stand-in of a file that could not be imported."""
    return test.id().replace("unittest.loader._FailedTest.", "")


def chosen(suite, words):
    """The tests of ``suite`` whose id contains one of ``words``; all when there are none."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, words)
        elif not words or any(word in id_of(test) + "." for word in words):
            yield test


def message_of(text):
    """What was raised, in one line: the text after the last traceback, or of what was no exception."""
    lines = text.splitlines()
    if TRACEBACK in lines:
        lines = lines[len(lines) - lines[::-1].index(TRACEBACK) :]
    return next((line for line in lines if line.strip() and not line.startswith(" ")), "")


def failures_of(result):
    """Where each failure is, which test, and what it says."""
    failed = result.failures + result.errors + [(test, "unexpected success") for test in result.unexpectedSuccesses]
    for test, text in failed:
        # The one of a whole class is called `setUpClass (test_timer.Timer)`.
        module, _, name = re.sub(r"^(\w+) \(([\w.]+)\)$", r"\2.\1", id_of(test)).partition(".")
        yield {"file": module + ".py", "test": name, "message": message_of(text)}


def main(out, words):
    here = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.defaultTestLoader.discover(here)
    runner = unittest.TextTestRunner(stream=sys.stderr, resultclass=Result)
    result = runner.run(unittest.TestSuite(chosen(suite, words)))
    failures = list(failures_of(result))
    reasons = [reason for _, reason in result.skipped if reason.startswith("missing: ")]
    counts = {
        "passed": result.passed + len(result.expectedFailures),
        "failed": len(failures),
        "failures": failures,
        "skipped": len(result.skipped),
        "missing": [reason[len("missing: ") :] for reason in reasons],
    }
    with open(out, "w") as file:
        json.dump(counts, file)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
