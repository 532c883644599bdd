"""Tasks that return what they were called with, as ``dl_jobs test`` runs them; builtin/test_jobs.ts is their twin."""


def return_args(element):
    """Returns what it was called with."""
    return element


def task(nb_jobs, *args, **kwargs):
    """A job of ``nb_jobs`` tasks, each of which returns ``args`` and ``kwargs``, and its ``task_id`` if they are many."""
    # A host runs `return_args` from this file alone, without the package.
    from dl_jobs.job import DLJob

    call = {'args': list(args), 'kwargs': kwargs}
    count = int(nb_jobs)
    calls = [call] if count == 1 else (dict(call, task_id=index) for index in range(count))
    return DLJob('dl_jobs.test_jobs', 'return_args', args_list=calls, platform_job=True, name='dl_jobs.test')
