"""The task that `dl_jobs test` runs on platforms that run Python; builtin/test_jobs.ts is its twin."""


def return_args(element):
    """Returns what it was called with."""
    return element
