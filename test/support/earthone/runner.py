"""Runs the jobs of one function, one after the other, for the conformance server (child.ts).

Standard output and error are one pipe: the job's log. Descriptor 3 brings jobs as lines of JSON, descriptor 4 takes
their outcomes: a line of JSON, then as many bytes as it says.
"""

import importlib
import json
import os
import resource
import sys
import time
import traceback


def usage():
    own = resource.getrusage(resource.RUSAGE_SELF)
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    return seconds, max(own.ru_maxrss, others.ru_maxrss) * 1024


def stored(value):
    """Bytes of a result; None where nothing is stored."""
    if value is None:
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    serialize = getattr(value, "serialize", None)
    if callable(serialize):
        return bytes(serialize())
    return json.dumps(value).encode()


def own_part(error):
    """The traceback without this file's frame."""
    here = error.__traceback__
    while here is not None and here.tb_frame.f_code.co_filename == __file__:
        here = here.tb_next
    return here


def run(job, most):
    """-> (outcome, bytes of the result)"""
    try:
        # Arguments are read anew for each job: a task may change what it gets.
        main = importlib.import_module("__dlentrypoint__").main
        result = stored(main(*(job["args"] or []), **(job["kwargs"] or {})))
        if result is not None and len(result) > most:
            raise ValueError("The result has %d bytes; %d are allowed" % (len(result), most))
        return {"ok": True}, result
    except SystemExit as error:
        code = error.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
        number = 0 if code is None else code & 255 if isinstance(code, int) else 1
        return {"ok": False, "exit": number, "reason": "The function exited", "fresh": True}, None
    except BaseException as error:
        traceback.print_exception(type(error), error, own_part(error))
        reason = "%s: %s" % (type(error).__name__, error)
        # A module that could not be imported is tried anew from the start.
        fresh = "__dlentrypoint__" not in sys.modules
        return {"ok": False, "exit": 1, "reason": reason[:500], "fresh": fresh}, None


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def serve(folder, most):
    jobs = os.fdopen(3, "rb")
    outcomes = os.fdopen(4, "wb")
    for descriptor in (3, 4):
        os.set_inheritable(descriptor, False)
    os.dup2(1, 2)
    # A task may close or redirect 1 and 2; the next one gets them as they were.
    log = os.dup(1)
    surroundings = dict(os.environ)
    sys.path[0] = folder
    os.chdir(folder)
    mark = jobs.readline().rstrip()
    if not mark:
        return
    for line in jobs:
        job = json.loads(line)
        cpu_before, _ = usage()
        began = time.monotonic()
        outcome, result = run(job, most)
        flush()
        cpu, peak = usage()
        outcome["wall"] = time.monotonic() - began
        outcome["cpu"] = cpu - cpu_before
        outcome["peak"] = peak
        outcome["size"] = -1 if result is None else len(result)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.write(log, mark + b"\n")
        outcomes.write(json.dumps(outcome).encode() + b"\n")
        if result is not None:
            outcomes.write(result)
        outcomes.flush()
        if dict(os.environ) != surroundings:
            os.environ.clear()
            os.environ.update(surroundings)
        os.chdir(folder)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
