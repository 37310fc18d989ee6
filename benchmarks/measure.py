"""What is measured, and how: the right values by mpmath, and times of several functions in turns."""

from __future__ import annotations

import multiprocessing
import statistics
import time
import timeit
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
import sympy as sp

__all__ = ["Compiled", "Options", "Row", "Values", "check", "exact", "in_child", "interleaved"]

Values = Sequence[Any]  # the arguments' values: arrays of rows, or numbers


@dataclass(frozen=True)
class Options:
    """How much is measured: level 0 only tries everything out, 1 is quick, 2 is the whole; `peers` are the only ones, if any are named."""

    level: int = 2
    threads: int = 1
    million: bool = False
    peers: tuple[str, ...] = ()

    def pick(self, *by_level: Any) -> Any:
        """One of three values, by the level."""
        return by_level[self.level]


@dataclass(frozen=True)
class Row:
    """One figure: seconds, or where there is none, why."""

    section: str
    case: str
    peer: str
    median: float | None = None
    minimum: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Compiled:
    """A function that some program has made: `call(*prepare(values))`, and `unpack` makes a list of arrays, one for each output, of its result."""

    call: Callable[..., Any]
    prepare: Callable[[Values], Sequence[Any]] = list
    unpack: Callable[[Any], list[Any]] = list


_MPMATH: dict[Any, Callable[..., Any]] = {
    sp.Add: lambda *terms: mpmath.fsum(terms),
    sp.Mul: lambda *factors: mpmath.fprod(factors),
    sp.Pow: mpmath.power,
    **{getattr(sp, name): getattr(mpmath, name) for name in ("sin", "cos", "tan", "tanh", "exp", "log", "erfc", "erf")},
}


def exact(args: Sequence[Any], outputs: Sequence[Any], values: Values, digits: int = 30) -> list[Any]:
    """The outputs at one point by mpmath, each part computed once; without recursion, so that expressions may have any size."""
    with mpmath.workdps(digits):
        known: dict[Any, Any] = {a: mpmath.mpf(v) for a, v in zip(args, values, strict=True)}
        stack = list(outputs)
        while stack:
            expr = stack[-1]
            missing = [a for a in expr.args if a not in known]
            if expr in known:
                stack.pop()
            elif missing:
                stack += missing
            else:
                compute = _MPMATH.get(expr.func)
                known[expr] = compute(*[known[a] for a in expr.args]) if compute else _number(expr, digits)
                stack.pop()
        return [known[expr] for expr in outputs]


def _number(expr: Any, digits: int) -> Any:
    if expr.is_Float:  # a binary fraction, of which all digits count
        return mpmath.mpf(expr._mpf_)
    return mpmath.mpf(expr.p) / expr.q if expr.is_Rational else mpmath.mpf(sp.Float(expr, digits)._mpf_)


def check(compiled: Compiled, args: Sequence[Any], outputs: Sequence[Any], values: Values, total: bool = False) -> str:
    """What is wrong with the results at three rows (or, for sums over all rows, at the first twenty); "" if nothing is."""
    length = max(np.size(v) for v in values)
    rows = range(min(length, 20)) if total else sorted({0, length // 2, length - 1})
    if total:
        values = [v[: len(rows)] if np.ndim(v) else v for v in values]
    got = compiled.unpack(compiled.call(*compiled.prepare(values)))
    right = [exact(args, outputs, [float(v[i] if np.ndim(v) else v) for v in values]) for i in rows]
    wanted = np.array(right, dtype=float)
    found = np.array([[float(g[i] if np.ndim(g) else g) for g in got] for i in ([0] if total else rows)])
    wanted = wanted.sum(axis=0, keepdims=True) if total else wanted
    if found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-9, atol=1e-12 * np.abs(wanted).max()):
        return ""
    if found.shape != wanted.shape:
        return f"wrong: {found.shape[-1]} results for {wanted.shape[-1]}"
    return f"wrong: off by {np.abs(found - wanted).max():.1e}"


def interleaved(calls: Mapping[str, tuple[Callable[..., Any], Sequence[Any]]], row: Row, seconds: float) -> list[Row]:
    """The time of each call, all of them in turns, three times at least and then until so many seconds have gone for each."""
    timers: dict[str, tuple[timeit.Timer, int]] = {}
    for name, (function, values) in calls.items():
        names = [f"a{i}" for i in range(len(values))]
        given = {"g": function, **{f"g{i}": v for i, v in enumerate(values)}}
        setup = "; ".join(["f = g", *[f"{n} = g{i}" for i, n in enumerate(names)]])
        timer = timeit.Timer(f"f({', '.join(names)})", setup, globals=given)
        first = timer.timeit(1)
        once = first if first > 0.05 else min(timer.timeit(1) for _ in range(2))
        timers[name] = timer, max(1, int(5e-4 / max(once, 1e-7)))
    taken: dict[str, list[float]] = {name: [] for name in timers}
    end = time.perf_counter() + seconds * len(timers)
    while len(next(iter(taken.values()), [0.0] * 3)) < 3 or (time.perf_counter() < end and timers):
        for name, (timer, number) in timers.items():
            taken[name].append(timer.timeit(number) / number)
        if all(len(t) >= 300 for t in taken.values()):
            break
    return [replace(row, peer=n, median=statistics.median(t), minimum=min(t)) for n, t in taken.items()]


def in_child(task: Callable[[], Iterable[Row]], failed: Row, limit: float) -> list[Row]:
    """The rows of a task, done by a child process that knows all that is known here; the last one says what came between, if anything did.

    Without a limit in seconds it is done here.
    """
    if not limit:
        return list(task())
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def work() -> None:
        try:
            for row in task():
                sender.send(row)
        except Exception as error:
            sender.send(replace(failed, note=f"{type(error).__name__}: {error}".splitlines()[0][:70]))
        sender.send(None)

    child = context.Process(target=work)
    child.start()
    sender.close()
    rows: list[Row] = []
    end = time.monotonic() + limit
    try:
        while receiver.poll(max(0.0, end - time.monotonic())):
            row = receiver.recv()
            if row is None:
                break
            rows.append(row)
        else:
            rows.append(replace(failed, note=f"over {limit:.3g} s"))
            child.kill()
    except EOFError:
        rows.append(replace(failed, note="the process died"))
    child.join()
    return rows
