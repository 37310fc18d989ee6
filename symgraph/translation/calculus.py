"""Sums, products and integrals. What is under them becomes a body (see `ops.functional`), their bounds and free inputs stay outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.codegen.cfunctions import log1p
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import ArraySymbol

from ..errors import UnsupportedExpressionError
from ..graph import Graph, Node, postorder
from ..nodes import placeholder
from ..ops.elementary import exp
from ..ops.functional_body import Body
from ..ops.functional_integrals import integral_over
from ..ops.functional_series import series_over
from ..ops.functional_sums import product_over, sum_over
from .derivatives import by_sympy, closed_form, value_of_closed_form
from .indexed import read_where, try_contraction
from .rules import Value, rule, rule_for
from .translator import Translator

__all__ = ["as_function", "inputs_of"]

_LEAVES = (sympy.Symbol, sympy.MatrixSymbol, sympy.IndexedBase, ArraySymbol, sympy.Idx)
_WHOLE = (AppliedUndef, sympy.Indexed, MatrixElement)  # inputs, or parts of one, if no bound variable is in them
_INFINITE = (sympy.oo, -sympy.oo)
_FACTORS = 64  # of an infinite product that are multiplied as they are


class _Limit(NamedTuple):
    """The outermost variable of a sum or an integral, its bounds, and what is under it."""

    body: Any
    variable: Any
    lower: Any
    upper: Any


def _outermost(expr: Any) -> _Limit:
    *inner, (variable, lower, upper) = expr.limits
    return _Limit(expr.func(expr.function, *inner) if inner else expr.function, variable, lower, upper)


def inputs_of(expr: Any, bound: Sequence[Any], within: Callable[[Any], bool] = lambda function: False) -> list[Any]:
    """The parts of an expression that stand for inputs, without the variables `bound` in it. An undefined function of others is one input;
    of those for which `within` holds, the arguments are.

    >>> x, k, n = sympy.symbols("x k n")
    >>> inputs_of(sympy.Sum(x**k, (k, 0, n)), [x])
    [n]
    """
    found: dict[Any, None] = {}
    stack, seen = [expr], dict[int, Any]()
    while stack:
        part = stack.pop()
        if id(part) in seen or part in bound:
            continue
        seen[id(part)] = part
        of_function = isinstance(part, sympy.Derivative) and isinstance(part.expr, AppliedUndef)
        open_ = within(part.expr if of_function else part)
        if isinstance(part, _LEAVES) or (
            (of_function or isinstance(part, _WHOLE)) and not open_ and not part.has(*bound)
        ):
            found[part] = None
            continue
        known = rule_for(type(part))
        stack.extend(reversed(list(part.args if known is None else known.children(part))))
    return list(found)


# --- what is under a sum, as a function of its variable


class _Function(NamedTuple):
    """An expression as a body, with the nodes of its free inputs, the shape of one value, and whether it reads entries of arrays."""

    body: Body
    inputs: tuple[Node, ...]
    shape: tuple[Any, ...]
    reads: bool = False  # entries of arrays, at computed places


def as_function(translator: Translator, expr: Any, variable: Any, values: Sequence[Value], neutral: float) -> _Function:
    """An expression as a function of `variable`; `values` are those of `inputs_of(expr, [variable])`."""
    graph = Graph()
    inner = translator.inner(graph)
    with graph.as_default():
        index = placeholder(name=str(variable))
        inner.bind(variable, Value(index))
        outer = dict(zip(inputs_of(expr, [variable]), values, strict=True))
        for symbol, value in outer.items():
            given_here = placeholder(name=f"input_{len(graph)}", core=value.shape)
            inner.bind(symbol, Value(given_here, value.shape), is_length=value.node in translator.lengths)
        value = inner.scalar(expr).settled
    needed = set(postorder([value.node]))
    used = {symbol: node for symbol, node in inner.placeholders.items() if node in needed and node is not index}
    given = [outer[symbol] if symbol in outer else translator.translate([symbol])[0] for symbol in used]
    body = Body.of_term(
        _key(translator, expr, variable, list(used)),
        index,
        list(used.values()),
        [value.rank for value in given],
        value.node,
        value.rank,
        neutral,
        (lambda mask: read_where(inner, value.node, mask)) if _reads_elsewhere(inner, index) else None,
    )
    return _Function(body, tuple(value.settled.node for value in given), value.shape, bool(inner.elements))


def _reads_elsewhere(inner: Translator, index: Node) -> bool:
    """Whether a body reads entries of arrays at places that its variable alone does not tell, and that differ from row to row."""
    computed = postorder([place for node in inner.elements for place in node.input_nodes[1:]])
    return any(isinstance(node, placeholder) and node is not index for node in computed)


def _key(translator: Translator, expr: Any, variable: Any, symbols: Sequence[Any]) -> Any:
    """What says that two bodies are equal; None where that cannot be said cheaply."""
    key = (expr, variable, tuple(symbols), translator.dtype, translator.domain)
    try:
        hash(key)
    except RecursionError:  # a deep expression
        return None
    return None if translator.functions else key


def _target(translator: Translator) -> Any:
    return np.result_type(translator.dtype, np.complex64) if translator.domain == "complex" else translator.dtype


def inspect_body(translator: Translator, expr: Any, variables: Sequence[Any]) -> str | None:
    """What cannot be computed in an expression with variables of its own."""
    try:
        _, _, _, leaves = translator.inner(Graph()).survey([expr])
    except UnsupportedExpressionError as error:
        return "; ".join(line.strip() for line in str(error).splitlines()[1:])
    for leaf in leaves.values():
        if leaf not in variables and leaf.has(*variables):
            return f"{leaf}: the function is undefined, give an implementation"
    return None


# --- limits


def _has_bounds(expr: Any) -> bool:
    return all(len(limit) == 3 for limit in expr.limits)


def _children(expr: Any) -> list[Any]:
    """The bounds that are no numbers, and the inputs of what is under the sum."""
    if not _has_bounds(expr):
        return []
    limit = _outermost(expr)
    bounds = [bound for bound in (limit.lower, limit.upper) if bound.free_symbols]
    return [*bounds, *inputs_of(limit.body, [limit.variable])]


def _bounds(translator: Translator, limit: _Limit, values: Sequence[Value]) -> tuple[list[Node], Sequence[Value]]:
    """The nodes of both bounds, and the values that are left."""
    nodes = []
    for bound in (limit.lower, limit.upper):
        if bound.free_symbols:
            value, *values = values
        else:
            value = translator.scalar(bound)
        nodes.append(value.settled.node)
    return nodes, values


def _refuse(expr: Any) -> str | None:
    if not _has_bounds(expr):
        return f"no bounds are given for {expr.limits[-1][0]}: write ({expr.limits[-1][0]}, from, to)"
    limit = _outermost(expr)
    if not isinstance(expr, sympy.Integral) and (limit.lower is sympy.oo or limit.upper is -sympy.oo):
        return f"the bounds {limit.lower} and {limit.upper} of {limit.variable} are in the wrong order"
    return None


def _inspect(translator: Translator, expr: Any) -> str | None:
    limit = _outermost(expr)
    return inspect_body(translator, limit.body, [limit.variable])


# --- sums and products


@rule(sympy.Sum, children=_children, refuse=_refuse, inspect=_inspect)
def _sum(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    contraction = try_contraction(translator, expr)
    if contraction is not None:
        return contraction
    limit = _outermost(expr)
    bounds, rest = _bounds(translator, limit, values)
    body, inputs, shape, reads = as_function(translator, limit.body, limit.variable, rest, 0.0)
    target = _target(translator)
    if limit.lower is -sympy.oo and limit.upper is sympy.oo:
        up = series_over(body, [translator.constant(0.0), *inputs], target, 1)
        return Value(up + series_over(body, [translator.constant(-1.0), *inputs], target, -1), shape)
    if limit.upper is sympy.oo:
        return Value(series_over(body, [bounds[0], *inputs], target, 1), shape)
    if limit.lower is -sympy.oo:
        return Value(series_over(body, [bounds[1], *inputs], target, -1), shape)
    node = sum_over(body.reduced(product=False), [*bounds, *inputs], target)
    if reads:
        translator.elements[node] = None
    return Value(node, shape)


@rule(sympy.Product, children=_children, refuse=_refuse, inspect=_inspect)
def _product(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    limit = _outermost(expr)
    bounds, rest = _bounds(translator, limit, values)
    factors = as_function(translator, limit.body, limit.variable, rest, 1.0)
    if limit.lower in _INFINITE or limit.upper in _INFINITE:
        # the difference from 1 is taken by SymPy, so that the 1 in 1 + x/k**2 does not swallow the rest
        logarithms = as_function(translator, log1p(limit.body - 1), limit.variable, rest, 0.0)
        return Value(_infinite_product(translator, limit, bounds, factors, logarithms), factors.shape)
    node = product_over(factors.body, [*bounds, *factors.inputs], _target(translator))
    if factors.reads:
        translator.elements[node] = None
    return Value(node, factors.shape)


def _infinite_product(
    translator: Translator, limit: _Limit, bounds: Sequence[Node], factors: _Function, logarithms: _Function
) -> Node:
    """The product of the first factors, times the exponential of the sum of the logarithms of all others."""
    target = _target(translator)
    upwards, downwards = limit.upper is sympy.oo, limit.lower is -sympy.oo
    first, last = bounds
    if upwards and downwards:
        first, last = translator.constant(-_FACTORS / 2), translator.constant(_FACTORS / 2)
    elif upwards:
        last = first + (_FACTORS - 1)
    else:
        first = last - (_FACTORS - 1)
    result: Node = product_over(factors.body, [first, last, *factors.inputs], target)
    for wanted, start, direction in ((upwards, last + 1, 1), (downwards, first - 1, -1)):
        if wanted:
            result = result * exp(series_over(logarithms.body, [start, *logarithms.inputs], target, direction))
    return result


# --- integrals


def _is_symbolic(expr: Any) -> bool:
    """Whether an integral is one for SymPy: without bounds, or over a DiracDelta."""
    return not _has_bounds(expr) or expr.function.has(sympy.DiracDelta)


def _integral_children(expr: Any) -> list[Any]:
    return closed_form(expr) if _is_symbolic(expr) else _children(expr)


def _refuse_integral(expr: Any) -> str | None:
    if _is_symbolic(expr):
        return (
            None
            if by_sympy(expr) is not None
            else "SymPy finds no closed form; with bounds (x, from, to) it is computed"
        )
    return _refuse(expr)


@rule(
    sympy.Integral,
    children=_integral_children,
    refuse=_refuse_integral,
    inspect=lambda translator, expr: None if _is_symbolic(expr) else _inspect(translator, expr),
)
def _integral(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if _is_symbolic(expr):
        return value_of_closed_form(translator, expr, values)
    limit = _outermost(expr)
    bounds, rest = _bounds(translator, limit, values)
    body, inputs, shape, _ = as_function(translator, limit.body, limit.variable, rest, 0.0)
    return Value(integral_over(body, [*bounds, *inputs], _target(translator)), shape)
