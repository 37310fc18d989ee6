"""Checks of values and gradients, which raise AssertionError."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from ..differentiate import gradients
from ..errors import ArgumentError
from ..forward import tangents
from ..functions import Function, function
from ..graph import Graph, Node
from ..nodes import placeholder
from ..ops.arithmetic import add_n
from ..ops.parts import real
from ..ops.reduction import reduce_sum
from ..session import Session
from .reference import Judgement, judge, judge_slope, lengths_of

__all__ = ["check_against_lambdify", "check_gradient", "check_gradients"]


# --- checks of values


def _rows(args: Sequence[Any], values: Mapping[Any, Any]) -> list[tuple[tuple[int, ...], dict[Any, Any]]]:
    """Each place in the common batch, and the values there, without batch axes."""
    arrays = {s: np.asarray(values[s]) for s in args}
    cores = {s: len(getattr(s, "shape", ())) for s in args}
    batch = np.broadcast_shapes(*[a.shape[: a.ndim - cores[s]] for s, a in arrays.items()])
    full = {s: np.broadcast_to(a, (*batch, *a.shape[a.ndim - cores[s] :])) for s, a in arrays.items()}
    return [(place, {s: a[place] for s, a in full.items()}) for place in np.ndindex(*batch)]


def _by_lambdify(args: Sequence[Any], expr: Any, row: Mapping[Any, Any]) -> Any:
    """What `sympy.lambdify` gives; None where it fails."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return np.asarray(sympy.lambdify(list(args), expr.xreplace(lengths_of(row)))(*[row[s] for s in args]))
        except Exception:
            return None


def check_against_lambdify(
    args: Sequence[Any], expr: Any, values: Mapping[Any, Any], *, f: Callable[..., Any] | None = None
) -> int:
    """Assert that symgraph's value is that of `sympy.lambdify`, or the right one where the two differ.

    Args:
        args: the symbols.
        expr: the expression.
        values: for each symbol a value, with or without batch axes; each row is checked.
        f: another function of the arguments to check, in place of `symgraph.function(args, expr)`.

    What is right is decided by `symgraph.reference.judge`, at two precisions; there "real" means that sqrt(-1) is nan. Returns for how many rows that
    gave a definite value. For the others (undefined, beyond float64, at the mercy of rounding) nothing is asserted.

    >>> x = sympy.Symbol("x")
    >>> check_against_lambdify([x], sympy.sin(x) / x, {x: [0.5, 1.0]})
    2
    """
    f = f if f is not None else function(list(args), expr)
    results = np.asarray(f(*[values[s] for s in args]))
    judged = 0
    for place, row in _rows(args, values):
        result = results[place]
        if (verdict := judge(expr, row)) is None:
            continue
        judged += 1
        if not verdict.accepts(result):
            verdict = judge(expr, row, samples=20)  # perhaps it lies near a step
            if verdict is not None and not verdict.accepts(result):
                raise AssertionError(_report(expr, row, result, verdict, _by_lambdify(args, expr, row)))
    return judged


def _report(expr: Any, row: Mapping[Any, Any], result: Any, verdict: Judgement, other: Any) -> str:
    at = ", ".join(f"{symbol} = {value!r}" for symbol, value in row.items())
    return (
        f"{expr}\nat {at}:\nsymgraph gives {result!r},\nlambdify       {other!r},\n"
        f"and right is   {verdict.value!r}\nwithin         {verdict.tolerance!r}"
    )


# --- checks of gradients


def _weights(shape: Sequence[int]) -> Any:
    return np.random.default_rng(0).uniform(0.5, 1.5, shape)


def check_gradient(args: Sequence[Any], expr: Any, values: Mapping[Any, Any]) -> int:
    """Assert that symgraph's gradient of an expression is its derivative with respect to each scalar of `args` and each entry of their matrices.

    The values may have batch axes: the gradient of the sum over a batch is that of each row. Of a matrix, a sum of its entries with fixed weights is
    differentiated. What is right is decided by differences in 60 digits and, for scalars, by SymPy's derivative: where these two give definite values
    that do not agree (and at kinks) nothing is asserted. Returns how many derivatives were compared.

    >>> x, y = sympy.symbols("x y", real=True)
    >>> check_gradient([x, y], sympy.sin(x * y), {x: 0.5, y: 2.0})
    2
    """
    rows = [row for _, row in _rows(args, values)]
    compiled = function(list(args), expr)
    weights = _weights(np.shape(compiled(*[rows[0][s] for s in args])))
    compared = 0
    for symbol, grads in zip(args, _gradients_of(compiled, rows, weights), strict=True):
        for place, row in enumerate(rows):
            for entry in np.ndindex(*np.shape(row[symbol])):
                compared += _check_slope(expr, row, symbol, entry, weights, grads[(slice(None), place, *entry)])
    return compared


def _gradients_of(compiled: Function, rows: Sequence[Mapping[Any, Any]], weights: Any) -> list[Any]:
    """For each argument the gradients at all rows: first at the exact values, then at some that differ in the last bits."""
    rng = np.random.default_rng(0)
    stacked: dict[Any, Any] = {}
    for s in compiled.args:
        array = np.array([row[s] for row in rows])
        errors = rng.uniform(-1, 1, (8, *array.shape)) * 2.0**-50
        stacked[s] = array * np.concatenate([np.ones((1, *array.shape)), 1 + errors])
    (y,) = compiled.nodes
    xs = [next(p for p in compiled.graph.placeholders if p.symbol == s) for s in compiled.args]
    grads = gradients(y, xs, [np.broadcast_to(weights, (9, len(rows), *weights.shape))], unconnected_gradients="zero")
    results: list[Any] = Session(compiled.graph).run(grads, dict(zip(xs, stacked.values(), strict=True)))
    return results


def _check_slope(expr: Any, row: Mapping[Any, Any], symbol: Any, entry: Any, weights: Any, grads: Any) -> bool:
    """Compare one derivative, if it has a definite value; `grads` are for this row and for disturbed ones."""
    direction = np.zeros(np.shape(row[symbol]))
    direction[entry] = 1.0
    verdict = judge_slope(expr, row, {symbol: direction}, weights)
    if verdict is None or not _sympy_agrees(expr, row, symbol, weights, verdict):
        return False
    with np.errstate(
        invalid="ignore"
    ):  # how much of a difference cancellation among the parts of the gradient explains
        doubt = 64 * np.max(np.nan_to_num(np.abs(grads - grads[0]), posinf=0.0))
    if verdict._replace(tolerance=verdict.tolerance + doubt).accepts(grads[0]):
        return True
    verdict = judge_slope(expr, row, {symbol: direction}, weights, samples=20)
    if verdict is None or verdict._replace(tolerance=verdict.tolerance + doubt).accepts(grads[0]):
        return True
    raise AssertionError(f"d/d{symbol}{list(entry) or ''} of {_report(expr, row, grads[0], verdict, None)}")


def _sympy_agrees(expr: Any, row: Mapping[Any, Any], symbol: Any, weights: Any, verdict: Judgement) -> bool:
    """Whether SymPy's derivative says the same, or nothing."""
    if np.shape(row[symbol]) or np.shape(weights) or not isinstance(expr, sympy.Expr) or expr.has(sympy.MatrixSymbol):
        return True
    derivative = weights * expr.diff(symbol)
    if derivative.has(sympy.Derivative, sympy.Subs, sympy.DiracDelta):
        return True
    other = judge(derivative, row)
    return other is None or bool(abs(other.value - verdict.value) <= other.tolerance + verdict.tolerance)


def check_gradients(target: Any, values: Any, *, order: int = 1, rtol: float = 1e-6, seed: int = 0) -> None:
    """Assert that `symgraph.gradients` and `symgraph.tangents` give the slope of a function of nodes, by finite differences in random directions.

    Args:
        target: a callable that makes a node from nodes (such as an operation class), a node, or a Function.
        values: a list of arguments for the callable or the Function, or a dict from placeholders to values for the node. Floats and complex
            numbers are varied; everything else is passed on as it is.
        order: up to which derivative is checked, each as the gradient of the one before.
        rtol: the largest relative difference, measured against the size of the terms.
        seed: of the directions.

    Raises ArgumentError where there are not as many values as arguments, or none that is varied.

    >>> from symgraph import matmul, tanh
    >>> check_gradients(lambda a, b: tanh(matmul(a, b)), [[[1.0, 2.0]], [[0.5], [-0.25]]], order=2)
    """
    if isinstance(target, Function):
        if len(values) != len(target.args):
            raise ArgumentError(f"{len(values)} values were given for {len(target.args)} arguments of {target!r}")
        placeholders = {node.symbol: node for node in target.graph.placeholders}
        given = {placeholders[symbol]: value for symbol, value in zip(target.args, values, strict=True)}
        for node in target.nodes:
            check_gradients(node, given, order=order, rtol=rtol, seed=seed)
        return
    rng = np.random.default_rng(seed)
    y, feeds = _built_on(target, values)
    graph = y.graph
    session = _Restarted(graph) if graph.variables else Session(graph)
    xs = [node for node, value in feeds.items() if value.dtype.kind in "fc"]
    if not xs:
        raise ArgumentError(
            f"There is nothing to vary: none of the values for {target!r} is a float (1.0 is one, 1 is not)"
        )
    for _ in range(order):
        value = np.asarray(session.run(y, feeds))
        ways = [_random(rng, feeds[x].shape, feeds[x].dtype.kind) for x in xs]
        with graph.as_default():
            loss = reduce_sum(real(y * _random(rng, value.shape, value.dtype.kind)))
            grads = gradients(loss, xs, unconnected_gradients="zero")
            y = add_n([reduce_sum(real(grad * way)) for grad, way in zip(grads, ways, strict=True)])
            change = _forward(loss, xs, ways)
        slope = session.run(y, feeds)
        forward = slope if change is None else session.run(change, feeds)
        found, doubt = _slope(session, loss, feeds, dict(zip(xs, ways, strict=True)))
        scale = max(abs(slope), abs(found), 1e-3 * abs(session.run(loss, feeds)), 1e-6)
        if not (abs(slope - found) <= rtol * scale + 4 * doubt and doubt <= 1e-3 * scale):
            shapes = ", ".join(f"{feeds[x].dtype}{list(feeds[x].shape)}" for x in xs)
            raise AssertionError(
                f"The gradient of {target} for {shapes} gives the slope {slope!r}, differences {found!r} +- {doubt:.1g}"
            )
        if not abs(forward - slope) <= rtol * scale:
            raise AssertionError(f"Forward mode gives {target} the slope {forward!r}, reverse mode {slope!r}")


def _forward(loss: Node, xs: Sequence[Node], ways: Sequence[Any]) -> Node | None:
    """How `loss` changes, by forward mode; None where that is not there, for want of an operation's second derivative."""
    try:
        return tangents(loss, xs, ways)[0]
    except NotImplementedError:
        return None


class _Restarted(Session):
    """A session in which no run changes a variable for the next one."""

    def run(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Any:
        return Session(self.graph).run(fetches, feed_dict)


def _built_on(target: Any, values: Any) -> tuple[Node, dict[Any, Any]]:
    """A node, and its feeds in double precision."""
    if isinstance(target, Node):
        return target, {node: _double(value) for node, value in values.items()}
    with Graph().as_default():
        feeds: dict[Any, Any] = {}
        nodes: list[Any] = []
        for value in values:
            varied = not isinstance(value, Node) and np.asarray(value).dtype.kind in "fc"
            nodes.append(placeholder(_double(value).dtype, np.shape(value)) if varied else value)
            if varied:
                feeds[nodes[-1]] = _double(value)
        return target(*nodes), feeds


def _double(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(np.result_type(array, np.float64)) if array.dtype.kind in "fc" else array


def _random(rng: np.random.Generator, shape: Sequence[int], kind: str) -> Any:
    array = rng.normal(size=shape)
    return array + 1j * rng.normal(size=shape) if kind == "c" else array


def _slope(session: Session, loss: Node, feeds: Mapping[Any, Any], direction: Mapping[Any, Any]) -> tuple[float, float]:
    """The derivative of `loss` by central differences with three steps, extrapolated (Richardson), and how far that may be off."""

    def at(t: float) -> float:
        return float(session.run(loss, {**feeds, **{x: feeds[x] + t * way for x, way in direction.items()}}))

    first = [(at(h) - at(-h)) / (2 * h) for h in (2e-3, 1e-3, 5e-4)]
    second = [(4 * b - a) / 3 for a, b in itertools.pairwise(first)]
    return (16 * second[1] - second[0]) / 15, abs(second[1] - second[0])
