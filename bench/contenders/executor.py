"""ProcessPoolExecutor.map, chunksize 100. Usage: python executor.py KIND N OUT WORKERS"""
import concurrent.futures
import sys

from work import TASKS, encode


def main(kind, n, out, workers):
    with concurrent.futures.ProcessPoolExecutor(int(workers)) as pool, open(out, "w") as lines:
        for value in pool.map(TASKS[kind], range(int(n)), chunksize=100):
            lines.write(encode(value) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
