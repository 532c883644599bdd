"""The work of the benchmark for the contenders that run Python: the same as floor/tasks.mjs."""
import json
import time

ROWS = [
    {
        "id": k,
        "name": "feature-%d" % k,
        "kind": "tile",
        "bounds": [k, k + 1, k + 2, k + 3],
        "valid": True,
        "source": "bench",
        "tags": ["a", "b"],
    }
    for k in range(100)
]

encode = json.JSONEncoder(separators=(",", ":")).encode


def noop(i):
    return i


def big(i):
    return {"i": i, "rows": ROWS}


def cpu(i):
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end:
        pass
    return i


TASKS = {"noop": noop, "big": big, "cpu": cpu}
