"""multiprocessing.Pool.imap_unordered, chunksize 100. Usage: python pool.py KIND N OUT WORKERS"""
import multiprocessing
import sys

from work import TASKS, encode


def main(kind, n, out, workers):
    with multiprocessing.Pool(int(workers)) as pool, open(out, "w") as lines:
        for value in pool.imap_unordered(TASKS[kind], range(int(n)), chunksize=100):
            lines.write(encode(value) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
