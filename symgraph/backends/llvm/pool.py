"""Threads of Python, for work that Python takes part in: kernels that call Python functions, and loops over several axes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

__all__ = ["in_threads"]


def in_threads(
    run: Callable[[int, int], None], count: int, threads: int, stop: Callable[[], None] | None = None
) -> None:
    """`run(start, end)` for equal parts of `count`. The values do not depend on how many there are.

    It ends when all parts have: what arrives before, such as an interrupt, is raised then, and `stop` is called, so that they end soon.

    >>> parts = []
    >>> in_threads(lambda start, end: parts.append((start, end)), 10, 3)
    >>> sorted(parts)
    [(0, 4), (4, 8), (8, 10)]
    """
    part = -(-count // threads)
    futures: list[Any] = []
    errors: list[BaseException] = []
    try:
        for start in range(part, count, part):
            futures.append(_pool().submit(run, start, min(start + part, count)))
        run(0, min(part, count))
    except BaseException as error:
        errors.append(error)
    while futures:
        try:
            if errors and stop is not None:
                stop()
            futures[-1].result()
            futures.pop()
        except BaseException as error:
            errors.append(error)
            if futures and futures[-1].done():
                futures.pop()
    if errors:
        raise errors[0]


_pools: dict[int, Any] = {}


def _pool() -> Any:
    """Threads that wait for work; a process has its own, also after a fork."""
    from concurrent.futures import ThreadPoolExecutor

    process = os.getpid()
    if process not in _pools:
        _pools.clear()
        _pools[process] = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="symgraph")
    return _pools[process]
