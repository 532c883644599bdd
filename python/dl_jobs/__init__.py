"""What task and job functions written in Python import; needs nothing but the standard library.

``dl_jobs.job``, ``dl_jobs.config``, ``dl_jobs.constants``, ``dl_jobs.decorators``, ``dl_jobs.helpers``,
``dl_jobs.nd_json``, ``dl_jobs.utils``.
Importing this package reads no file and changes nothing.
"""
