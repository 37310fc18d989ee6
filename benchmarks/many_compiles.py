"""Memory over many compiled functions in one process, each of which is dropped before the next one: it must stay flat.

    python benchmarks/many_compiles.py [count]

Each function is another expression, called with floats and with arrays. The cache on disk is off.
"""

from __future__ import annotations

import gc
import os
import sys
import time

os.environ["SYMGRAPH_CACHE"] = "0"

import numpy as np
import sympy

import symgraph


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15_000
    x, y = sympy.symbols("x y")
    values, start = np.linspace(0.1, 1.0, 50), time.monotonic()
    print("functions   MiB in memory   seconds")
    for k in range(count + 1):
        f = symgraph.function((x, y), sympy.exp(-x * (k + 1) / 1000) * y + sympy.Float(k) * x, backend="llvm")
        number, array = f(0.1, 0.5), f(values, 0.5)
        if abs(number - array[0]) or not np.isclose(number, np.exp(-0.1 * (k + 1) / 1000) * 0.5 + k * 0.1):
            raise SystemExit(f"function {k} gives {number} and {array[0]}")
        if k % max(count // 15, 1) == 0:
            gc.collect()
            print(f"{k:9d} {_resident() / 2**20:15.1f} {time.monotonic() - start:9.1f}", flush=True)


def _resident() -> int:
    """Bytes of this process in memory; on systems without /proc the most there ever were."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
