"""The sections of the comparison: each gives rows."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import sympy as sp

import symgraph as sg

from . import workloads
from .measure import Compiled, Options, Row, Values, check, exact, in_child, interleaved
from .peers import ARRAYS, BACKEND, NUMBERS, Maker, chosen, flattened, symgraph_of
from .workloads import Workload

__all__ = ["SECTIONS"]


def _checked(build: Callable[[], Compiled], row: Row, *problem: Any) -> tuple[Compiled | None, list[Row]]:
    """A function that is right, or the row that says why there is none."""
    try:
        compiled = build()
        wrong = check(compiled, *problem)
    except Exception as error:
        wrong = _brief(error)
    return (None, [replace(row, note=wrong)]) if wrong else (compiled, [])


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:70]


def _warm(make: Maker) -> None:
    """Import the peer and let it do what it does once."""
    x = sp.Symbol("x")
    with contextlib.suppress(Exception):
        compiled = make([x], [x * x + 1], 1)
        compiled.call(*compiled.prepare([0.5]))


def _threads(options: Options) -> str:
    return "one thread" if options.threads == 1 else f"{options.threads} threads"


# --- arrays


def arrays(options: Options) -> list[Row]:
    """Four expressions of arrays of several lengths."""
    section = f"Arrays, {_threads(options)}"
    rows = []
    for name, (args, expr) in workloads.ARRAY_EXPRESSIONS.items():
        builders = {
            peer: functools.cache(functools.partial(make, args, [expr], options.threads))
            for peer, make in chosen(ARRAYS, options).items()
            if peer != "lambdify cse"
        }
        for length in options.pick((100,), (1000, 100_000), (1000, 1_000_000, 10_000_000)):
            values = workloads.array_values(len(args), length)
            row, calls = Row(section, f"{name}, {length:,}", ""), {}
            for peer, build in list(builders.items()):
                compiled, wrong = _checked(build, replace(row, peer=peer), args, [expr], values)
                rows += wrong
                if compiled:
                    calls[peer] = compiled.call, compiled.prepare(values)
                else:
                    del builders[peer]
            moved = np.ones(length * (len(args) + 1) // 2)  # a copy of it reads and writes as many bytes
            calls["copy of the same bytes"] = moved.copy, []
            timed = interleaved(calls, row, options.pick(0.001, 0.05, 0.25 if length > 1000 else 0.1))
            rows += timed
            for slow in [r.peer for r in timed if r.median and r.median > 0.3]:  # ten times as long would be too much
                builders.pop(slow, None)
    return rows


# --- calls with numbers


def numbers(options: Options) -> list[Row]:
    """Calls of scalar functions with Python floats, or with what a peer has instead of these."""
    args = sp.symbols("x y")
    sizes = options.pick((5,), (5, 10, 50), (5, 10, 50))
    cases = {"x*y + x": args[0] * args[1] + args[0]}
    cases |= {f"{size} operations": workloads.of_operations(size, args) for size in sizes}
    rows = []
    for name, expr in cases.items():
        row, values = Row("Calls with numbers", name, ""), [0.7, 1.3]
        builders = {p: functools.partial(m, args, [expr], 1) for p, m in chosen(NUMBERS, options).items()}
        rows += _timed(builders, (args, [expr], values), row, options.pick(0.001, 0.05, 0.3))
    return rows


def _timed(
    builders: dict[str, Callable[[], Compiled]], problem: tuple[Any, ...], row: Row, seconds: float
) -> list[Row]:
    """Calls of those that are right; `problem` is what `check` wants: arguments, outputs, values."""
    rows, calls = [], {}
    for peer, build in builders.items():
        compiled, wrong = _checked(build, replace(row, peer=peer), *problem)
        rows += wrong
        if compiled:
            calls[peer] = compiled.call, compiled.prepare(problem[2])
    return [*rows, *interleaved(calls, row, seconds)]


# --- compile, call, batch


def pendulum(options: Options) -> list[Row]:
    """Five links on a cart: compile, call, batch."""
    links, rows = options.pick(1, 5, 5), options.pick(10, 10_000, 10_000)
    return _compile_call_batch(f"Pendulum of {links} links on a cart", workloads.pendulum(links, rows), options)


def many(options: Options) -> list[Row]:
    """200 expressions of 10 parameters: compile, call, batch."""
    count, rows = options.pick(5, 50, 200), options.pick(10, 10_000, 10_000)
    return _compile_call_batch(f"{count} expressions of 10 parameters", workloads.many(count, 10, rows), options)


def _compile_call_batch(section: str, w: Workload, options: Options) -> list[Row]:
    point = [float(v[0]) for v in w.values]
    own = w.form or (w.args, w.outputs)
    number_makers = {**chosen(NUMBERS, options), "symgraph": lambda *a: symgraph_of(*own, 0)}

    def make_native(*_: Any) -> Compiled:
        return Compiled(symgraph_of(*own, 0).call.native, unpack=flattened)  # type: ignore[attr-defined]

    number_makers["symgraph native"] = make_native
    array_makers = {**chosen(ARRAYS, options), "symgraph": lambda *a: symgraph_of(*own, options.threads)}
    title = f"{section}, {len(w.outputs)} outputs of {len(w.args)} arguments"
    batch = f"batch of {len(w.values[0]):,}"
    rows = _compiled_then_called(number_makers, w, point, Row(title, "compile and first call", ""), "call", options)
    return rows + _compiled_then_called(
        array_makers, w, w.values, Row(title, "compile and first batch", ""), batch, options
    )


def _compiled_then_called(
    makers: dict[str, Maker], w: Workload, values: Values, row: Row, case: str, options: Options
) -> list[Row]:
    """From expressions to the first results, in turns, with nothing kept from one time to the next but by "symgraph, from cache"; then calls."""
    taken: dict[str, list[float]] = {}
    compiled: dict[str, Compiled] = {}
    rows = []
    for make in makers.values():
        _warm(make)
    for turn in range(options.pick(1, 2, 3)):
        for peer, make in makers.items():
            if turn and (peer not in taken or taken[peer][0] > 1.5):
                continue
            try:
                seconds, compiled[peer] = _seconds(make, w, values)
                taken.setdefault(peer, []).append(seconds)
            except Exception as error:
                rows.append(replace(row, peer=peer, note=_brief(error)))
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("SYMGRAPH_CACHE", "")
        os.environ["SYMGRAPH_CACHE"] = folder
        try:
            _seconds(makers["symgraph"], w, values)
            taken["symgraph, from cache"] = [_seconds(makers["symgraph"], w, values)[0]]
        finally:
            os.environ["SYMGRAPH_CACHE"] = before
    rows += [replace(row, peer=p, median=float(np.median(t)), minimum=min(t)) for p, t in taken.items()]
    builders = {peer: functools.partial(_same, made) for peer, made in compiled.items()}
    return rows + _timed(builders, (w.args, w.outputs, values), replace(row, case=case), options.pick(0.001, 0.1, 0.4))


def _same(made: Compiled) -> Compiled:
    return made


def _seconds(make: Maker, w: Workload, values: Values) -> tuple[float, Compiled]:
    start = time.perf_counter()
    compiled = make(w.args, w.outputs, 1)
    compiled.call(*compiled.prepare(values))
    return time.perf_counter() - start, compiled


# --- large ones, each in a process of its own with a limit on its time


def long(options: Options) -> list[Row]:
    """A pendulum of twenty links: translate, compile, evaluate, gradient."""
    links, limit = options.pick(2, 8, 20), options.pick(0, 10, 15)
    start = time.perf_counter()
    w = workloads.pendulum(links)
    built = time.perf_counter() - start
    point = [float(v[0]) for v in w.values]
    operations = sum(e.count_ops() for e in w.outputs)
    title = f"Pendulum of {links} links on a cart ({operations} operations as SymPy counts)"
    rows = [Row(title, "SymPy derives the equations", "SymPy", built, built)]
    right = [float(e) for e in exact(w.args, w.outputs, point)]
    own = w.form or (w.args, w.outputs)
    rows += in_child(
        functools.partial(_long_own, title, w, own, point, right), Row(title, "the rest", "symgraph"), 4 * limit
    )
    for peer, make in chosen({n: p for n, p in NUMBERS.items() if not n.startswith("symgraph")}, options).items():
        row = Row(title, "compile and first call", peer)
        rows += in_child(functools.partial(_compiled_and_called, make, w, point, right, row), row, limit)
    return rows


def _compiled_and_called(make: Maker, w: Workload, point: Values, right: Sequence[float], row: Row) -> Iterator[Row]:
    _warm(make)
    spent, compiled = _seconds(make, w, point)
    prepared = compiled.prepare(point)
    if not _close([np.ravel(x)[0] for x in compiled.unpack(compiled.call(*prepared))], right):
        yield replace(row, note="wrong")
        return
    yield replace(row, median=spent, minimum=spent)
    yield from interleaved({row.peer: (compiled.call, prepared)}, replace(row, case="call"), 0.3)


def _long_own(title: str, w: Workload, own: Any, point: Values, right: Sequence[float]) -> Iterator[Row]:
    """Each step of symgraph's own way, and the product of weights with the Jacobian as its gradient."""

    def row(case: str) -> Row:
        seconds = time.perf_counter() - start
        return Row(title, case, "symgraph", seconds, seconds)

    _warm(NUMBERS["symgraph"][1])
    start = time.perf_counter()
    f = sg.function(*own, backend=BACKEND)
    yield row("translate")
    result = f(*point)
    done = row("compile and first call")
    if not _close(flattened(result), right):
        yield replace(done, median=None, minimum=None, note="wrong")
        return
    yield done
    yield from interleaved({"symgraph": (f, point)}, Row(title, "call", ""), 0.3)
    rng = np.random.default_rng(9)
    weights = [rng.uniform(-1, 1, np.shape(r)) for r in result]
    start = time.perf_counter()
    gradient = f.vjp()
    yield row("gradient: translate")
    slopes = np.array(gradient(*point, *weights)[1], dtype=float)
    done = row("gradient: compile and first call")
    way = rng.uniform(-1, 1, len(point))
    change = _change(w, point, way)
    if not _close([slopes @ way], [np.concatenate([u.ravel() for u in weights]) @ change]):
        yield replace(done, median=None, minimum=None, note="wrong")
        return
    yield done
    yield from interleaved({"symgraph": (gradient, [*point, *weights])}, Row(title, "gradient: call", ""), 0.3)


def _change(w: Workload, point: Values, way: Any) -> Any:
    """How the outputs change on the way, by differences of numbers with 40 digits."""
    step = mpmath.mpf("1e-12")
    with mpmath.workdps(40):
        before, after = (
            exact(w.args, w.outputs, [mpmath.mpf(p) + s * mpmath.mpf(d) for p, d in zip(point, way, strict=True)], 40)
            for s in (-step, step)
        )
        return np.array([float((b - a) / (2 * step)) for a, b in zip(before, after, strict=True)])


def _close(found: Sequence[Any], right: Sequence[float]) -> bool:
    scale = np.abs(right).max()
    return len(found) == len(right) and np.allclose(np.array(found, dtype=float), right, rtol=1e-9, atol=1e-12 * scale)


def growth(options: Options) -> list[Row]:
    """How the time to compile grows with the number of operations."""
    args = sp.symbols("x:10")
    exponents = options.pick((1,), (2, 3, 4), (2, 3, 4, 5, 6) if options.million else (2, 3, 4, 5))
    limit, rows = options.pick(0.0, 4.0, 8.0), []
    makers = chosen({n: p for n, p in NUMBERS.items() if n not in ("symgraph native", "lambdify math cse")}, options)
    values = [0.1 * (i + 1) for i in range(10)]
    for exponent in exponents:
        outputs = [workloads.of_operations(10**exponent, args)]
        w, right = Workload(args, outputs, values), [float(e) for e in exact(args, outputs, values)]
        for peer, make in list(makers.items()):
            row = Row("Growth of compile time", f"10^{exponent} operations", peer)
            allowed = limit * (1 if peer != "symgraph" else 4 if exponent < 6 else 20)
            task = functools.partial(_compiled_and_called, make, w, values, right, row)
            found = in_child(task, row, allowed)
            found = [r for r in found if r.case == row.case]
            rows += found
            if found[0].median is None or (found[0].median > limit / 3 and peer != "symgraph"):
                del makers[peer]
    return rows


# --- batches


def batches(options: Options) -> list[Row]:
    """Batches of small matrices, a filter, a robot, a likelihood; and a stencil."""
    rows = []
    for name, (make_workload, count) in workloads.BATCHES.items():
        w = make_workload(count // options.pick(100_000, 20, 1))
        rows += _batch(w, Row(f"Batches, {_threads(options)}", f"{name}, {len(w.values[0]):,}", ""), options)
    return rows + _stencil(options)


def _batch(w: Workload, row: Row, options: Options) -> list[Row]:
    makers: dict[str, Callable[[], Compiled]] = {}
    for peer, make in chosen(ARRAYS, options).items():
        if peer not in ("symgraph", "numexpr", "lambdify", "casadi"):
            makers[peer] = lambda m=make: (
                _summed(m(w.args, w.outputs, options.threads)) if w.total else m(w.args, w.outputs, options.threads)
            )
    own = w.form
    if own:
        makers = {"symgraph": lambda: _own_batch(w, own, options), **makers}
    for name, make in chosen(dict(w.direct), options).items():
        makers[name] = lambda m=make: Compiled(m(), w.pack, flattened)
    return _timed(makers, (w.args, w.outputs, w.values, w.total), row, options.pick(0.001, 0.05, 0.3))


def _own_batch(w: Workload, own: Any, options: Options) -> Compiled:
    made = symgraph_of(*own, options.threads)
    if w.total:
        both = sg.function(own[0], own[1][0], backend=BACKEND).value_and_grad(list(w.gradient))
        return Compiled(both, unpack=lambda result: [result[0], *result[1]])
    return replace(made, prepare=w.pack)


def _summed(compiled: Compiled) -> Compiled:
    """The sums over all rows, which belong to what is timed."""

    def call(*values: Any) -> Any:
        return [np.sum(output) for output in compiled.unpack(compiled.call(*values))]

    return Compiled(call, compiled.prepare)


def _stencil(options: Options) -> list[Row]:
    args, expr, values, by_hand = workloads.stencil(options.pick(100, 250_000, 1_000_000))
    row = Row(f"Batches, {_threads(options)}", f"stencil, {len(values[0])} x {len(values[0])}", "")
    corner = by_hand(np.vectorize(mpmath.mpf, otypes=[object])(values[0][-5:, -5:]), values[1])  # in mpmath's numbers
    functions: dict[str, Callable[..., Any]] = {"symgraph": sg.function(args, expr, backend=BACKEND)}
    peers = chosen({"numpy": ("numpy", None), "jax": ("jax", None), "numba": ("numba", None)}, options)
    if "numpy" in peers:
        functions["numpy"] = by_hand
    if "numba" in peers:
        import numba

        functions["numba"] = numba.njit(by_hand, parallel=options.threads > 1)
    if "jax" in peers:
        import jax

        jax.config.update("jax_enable_x64", True)
        made = jax.jit(by_hand)
        functions["jax"] = lambda *v: jax.block_until_ready(made(*v))
    rows, calls = [], {}
    for name, function in functions.items():
        found = np.asarray(function(*values))[-3:, -3:]
        if np.allclose(found, corner.astype(float), rtol=1e-13, atol=0):
            calls[name] = function, values
        else:
            rows.append(replace(row, peer=name, note="wrong"))
    return [*rows, *interleaved(calls, row, options.pick(0.001, 0.05, 0.4))]


SECTIONS: dict[str, Callable[[Options], list[Row]]] = {
    "arrays": arrays,
    "numbers": numbers,
    "pendulum": pendulum,
    "many": many,
    "long": long,
    "growth": growth,
    "batches": batches,
}
