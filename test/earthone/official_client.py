"""Uses the vendor's own client for everything it can do with functions and jobs (official-client.test.ts).

Before each step it says its name and waits for a line, so that requests can be told apart by step; after it, what
came of it. Run in a folder where it may write; that folder is on the path.

lines: one list of steps, each a few lines
"""

import json
import os
import pathlib
import sys
import time
from datetime import datetime, timedelta, timezone

from earthdaily.earthone.compute import Function, Job, JobStatus

IMAGE = "python%d.%d:latest" % sys.version_info[:2]

pathlib.Path("shop").mkdir()
pathlib.Path("shop/__init__.py").write_text("")
pathlib.Path("shop/prices.py").write_text("def price(kind):\n    return {'tea': 3, 'cake': 5}[kind]\n")
pathlib.Path("shop/sell.py").write_text(
    "from pathlib import Path\nfrom shop.prices import price\n\n\n"
    "def sell(kind, count=1):\n"
    "    note = Path(__file__).with_name('note.txt').read_text()\n"
    "    return {'cost': price(kind) * count, 'note': note}\n"
)
pathlib.Path("shop/note.txt").write_text("thank you")


def power(base, exponent=2, fail=False, wait=0, nothing=False, raw=False):
    import os
    import time

    print("power of", base)
    time.sleep(wait)
    if fail:
        raise ValueError("no power for %r" % base)
    if nothing:
        return None
    if raw:
        return b"\x00\xffraw"
    return {"power": base**exponent, "who": os.environ.get("WHO")}


def brief(job):
    return {"args": job.args, "kwargs": job.kwargs, "status": str(job.status.value), "tags": sorted(job.tags or [])}


def by_args(jobs):
    return sorted((brief(job) for job in jobs), key=lambda one: json.dumps(one["args"]))


STEPS = []


def step(function):
    STEPS.append(function)
    return function


fn = Function(
    power,
    name="power",
    image=IMAGE,
    cpus=1,
    memory="2GB",
    maximum_concurrency=2,
    timeout=60,
    retry_count=0,
    requirements=["requests>=2.0", "# a comment"],
)
fn.environment = {"WHO": "function"}
made = {}


@step
def create():
    fn.save()
    return {"status": fn.status.value, "namespace": fn.namespace}


@step
def wait_for_build():
    fn.wait_for_completion(interval=0.2)
    return fn.status.value


@step
def build_log():
    return fn.build_log()


@step
def get_function():
    again = Function.get(fn.id)
    return {"name": again.name, "memory": int(again.memory), "environment": again.environment}


@step
def call():
    made["job"] = fn(3, exponent=3, tags=["one"], environment={"WHO": "job"})
    return brief(made["job"])


@step
def wait_for_job():
    made["job"].wait_for_completion(interval=0.2)
    return brief(made["job"])


@step
def result():
    return made["job"].result()


@step
def log():
    return made["job"].log(timestamps=False)


@step
def get_job():
    job = Job.get(made["job"].id)
    statistics = job.statistics
    return {
        "executions": job.execution_count,
        "exit": job.exit_code,
        "peak": statistics.memory.peak_bytes > 0,
        "cpu": statistics.cpu.time >= 0,
        "ordered": job.creation_date <= job.last_execution_date <= job.last_completion_date,
    }


@step
def get_job_with_timings():
    job = Job.get(made["job"].id, include=["timings"])
    return [job.provisioning_time is not None, job.pull_time is not None]


@step
def map_with_keywords():
    jobs = fn.map(
        [[1], [2], [3]],
        kwargs=[{"exponent": 2}, {"fail": True}, {"nothing": True}],
        tags=["batch", "first"],
    )
    made["jobs"] = list(jobs)
    return {"success": jobs.is_success, "jobs": [brief(job) for job in jobs]}


@step
def map_with_environments():
    jobs = fn.map([[7], [8]], environments=[{"WHO": "seven"}, {"WHO": "eight"}])
    made["more"] = list(jobs)
    return [brief(job) for job in jobs]


@step
def wait_for_all():
    fn.wait_for_completion(interval=0.2)
    return fn.status.value


@step
def as_completed():
    return by_args(fn.as_completed(made["jobs"], interval=0.2))


@step
def all_results():
    return sorted(json.dumps(one, sort_keys=True) for one in fn.results())


@step
def raw_result():
    job = fn(1, raw=True)
    job.wait_for_completion(interval=0.2)
    return list(job.result())


@step
def result_of_nothing():
    job = Job.get(made["jobs"][2].id)
    return job.result()


@step
def failed_log():
    return Job.get(made["jobs"][1].id).log(timestamps=False)


@step
def search_by_status_and_tag():
    search = fn.jobs.filter((Job.status == JobStatus.FAILURE) & (Job.tags == "batch"))
    return by_args(search)


@step
def search_any_of():
    search = Job.search().filter(Job.function_id == fn.id)
    search = search.filter((Job.status == JobStatus.SUCCESS) | (Job.status == JobStatus.FAILURE))
    return len(list(search.sort(-Job.creation_date, Job.id).limit(4)))


@step
def search_by_dates():
    since = datetime.now(timezone.utc) - timedelta(hours=1)
    search = fn.jobs.filter(Job.last_completion_date >= since).filter(Job.execution_count >= 1)
    return len(search.collect())


@step
def search_in_pages():
    search = Job.search().filter(Job.function_id == fn.id).param(page_size=2).sort(Job.creation_date)
    return [job.args for job in search]


@step
def count_jobs():
    return fn.jobs.filter(Job.status == JobStatus.SUCCESS).count()


@step
def list_jobs():
    return len(list(Job.list(page_size=100, function_id=fn.id)))


@step
def search_functions():
    found = Function.search().filter(Function.name.prefix("pow")).sort(-Function.creation_date).collect()
    return [one.name for one in found]


@step
def list_functions():
    return [one.name for one in Function.list()]


@step
def rerun():
    return by_args(fn.rerun())


@step
def wait_for_rerun():
    fn.wait_for_completion(interval=0.2)
    job = Job.get(made["jobs"][1].id)
    return {"status": job.status.value, "executions": job.execution_count}


@step
def change_job():
    job = made["job"]
    job.refresh()
    job.tags = ["one", "changed"]
    job.save()
    return brief(Job.get(job.id))


@step
def cancel_pending():
    fn.stop()
    job = fn(1)
    job.cancel()
    return [fn.status.value, job.status.value]


@step
def start():
    fn.start()
    return fn.status.value


@step
def cancel_running():
    job = fn(1, wait=30)
    while job.status != JobStatus.RUNNING:
        time.sleep(0.1)
        job.refresh()
    job.cancel()
    asked = job.status.value
    job.wait_for_completion(interval=0.2)
    return [asked, job.status.value]


@step
def cancel_many():
    jobs = fn.map([[1], [2]], kwargs=[{"wait": 30}, {"wait": 30}])
    cancelled = fn.cancel_jobs(job_ids=[job.id for job in jobs])
    fn.wait_for_completion(interval=0.2)
    return [len(cancelled), sorted(Job.get(job.id).status.value for job in jobs)]


@step
def change_function():
    fn.cpus = 2
    fn.memory = "4GB"
    fn.save()
    again = Function.get(fn.id)
    return [float(again.cpus), int(again.memory)]


@step
def disable():
    fn.disable()
    try:
        fn(1)
    except Exception as error:
        return [fn.enabled, type(error).__name__]


@step
def enable():
    fn.enable()
    return fn.enabled


@step
def delete_job():
    id = made["job"].id
    made["job"].delete()
    try:
        Job.get(id)
    except Exception as error:
        return type(error).__name__


@step
def delete_some():
    ids = [job.id for job in made["more"]]
    return sorted(fn.delete_jobs(job_ids=ids)) == sorted(ids)


@step
def delete_function():
    id = fn.id
    fn.delete(delete_results=True)
    try:
        Function.get(id)
    except Exception as error:
        return type(error).__name__


@step
def create_from_modules():
    made["shop"] = Function(
        "shop.sell.sell",
        name="shop",
        image=IMAGE,
        cpus=0.5,
        memory=1024,
        maximum_concurrency=1,
        timeout=60,
        retry_count=0,
        include_modules=["shop"],
        include_data=["shop/*.txt"],
    )
    made["shop"].save()
    job = made["shop"]("cake", count=2)
    job.wait_for_completion(interval=0.2)
    return job.result()


@step
def build_that_fails():
    bad = Function(
        power,
        name="bad",
        image=IMAGE,
        cpus=1,
        memory=2048,
        requirements=["-r other.txt"],
    )
    bad._bundle_requirements = lambda requirements: "this is no requirement"
    bad.save()
    try:
        bad.wait_for_completion(interval=0.2)
    except RuntimeError:
        return [bad.status.value, "Invalid requirement" in bad.build_log()]


@step
def refused():
    try:
        Function(power, name="tiny", image=IMAGE, cpus=1, memory=100).save()
    except Exception as error:
        return [type(error).__name__, "memory" in str(error)]


def main():
    for one in STEPS:
        print(json.dumps({"step": one.__name__}), flush=True)
        if not sys.stdin.readline():
            return
        print(json.dumps({"step": one.__name__, "value": one()}), flush=True)


main()
