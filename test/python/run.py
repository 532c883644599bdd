"""Runs the Python tests and writes their counts as JSON to the file named by the first argument.

Any further arguments are parts of test ids to choose (``test_ndjson``). A test that is skipped with a reason that
begins with ``missing: `` counts as failed when ``DL_JOBS_CI`` is ``1``; else what follows, such as
``numpy: pip install numpy``, is listed in the file as ``missing``.
"""

import json
import os
import sys
import unittest


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


def chosen(suite, words):
    """The tests of ``suite`` whose id contains one of ``words``; all when there are none."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, words)
        elif not words or any(word in test.id() for word in words):
            yield test


def main(out, words):
    here = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.defaultTestLoader.discover(here)
    runner = unittest.TextTestRunner(stream=sys.stderr, resultclass=Result)
    result = runner.run(unittest.TestSuite(chosen(suite, words)))
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    reasons = [reason for _, reason in result.skipped if reason.startswith("missing: ")]
    counts = {
        "passed": result.passed + len(result.expectedFailures),
        "failed": failed,
        "skipped": len(result.skipped),
        "missing": [reason[len("missing: ") :] for reason in reasons],
    }
    with open(out, "w") as file:
        json.dump(counts, file)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
