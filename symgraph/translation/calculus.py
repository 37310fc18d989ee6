"""Sums, products and integrals, and what SymPy can evaluate itself: derivatives, substitutions, limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.codegen.cfunctions import log1p
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import ArraySymbol

from ..graph import Graph, Node, postorder
from ..nodes import placeholder
from ..ops.elementary import exp
from ..ops.functional import Body
from ..ops.functional_integrals import integral_over
from ..ops.functional_series import series_over
from ..ops.functional_sums import product_over, sum_over
from .rules import Value, rule, rule_for
from .translator import Translator

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


def inputs_of(expr: Any, bound: Sequence[Any]) -> list[Any]:
    """The parts of an expression that stand for inputs, without the variables `bound` in it."""
    found: dict[Any, None] = {}
    stack, seen = [expr], dict[int, Any]()
    while stack:
        part = stack.pop()
        if id(part) in seen or part in bound:
            continue
        seen[id(part)] = part
        of_function = isinstance(part, sympy.Derivative) and isinstance(part.expr, AppliedUndef)
        if isinstance(part, _LEAVES) or ((of_function or isinstance(part, _WHOLE)) and not part.has(*bound)):
            found[part] = None
            continue
        known = rule_for(type(part))
        stack.extend(reversed(list(part.args if known is None else known.children(part))))
    return list(found)


def _children(expr: Any) -> list[Any]:
    """The bounds that are no numbers, and the inputs of what is under the sum."""
    if _refuse_limits(expr) is not None:
        return []
    limit = _outermost(expr)
    bounds = [bound for bound in (limit.lower, limit.upper) if bound.free_symbols]
    return [*bounds, *inputs_of(limit.body, [limit.variable])]


def _refuse_limits(expr: Any) -> str | None:
    for limit in expr.limits:
        if len(limit) != 3:
            return f"no bounds are given for {limit[0]}: write ({limit[0]}, from, to)"
    return None


def _refuse(expr: Any) -> str | None:
    """What is wrong with the limits, or under the sum."""
    wrong = _refuse_limits(expr)
    if wrong is not None:
        return wrong
    limit = _outermost(expr)
    if limit.lower is sympy.oo or limit.upper is -sympy.oo:
        return f"the bounds {limit.lower} and {limit.upper} of {limit.variable} are in the wrong order"
    return None


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


class _Function(NamedTuple):
    """An expression as a body, with the nodes of its free inputs and the shape of one value."""

    body: Body
    inputs: tuple[Node, ...]
    shape: tuple[Any, ...]


def as_function(translator: Translator, expr: Any, variable: Any, values: Sequence[Value], neutral: float) -> _Function:
    """An expression as a function of `variable`; `values` are those of `inputs_of(expr, [variable])`."""
    graph = Graph()
    inner = translator.inner(graph)
    with graph.as_default():
        index = placeholder(name=str(variable))
        inner.bind(variable, Value(index))
        symbols = inputs_of(expr, [variable])
        outer = dict(zip(symbols, values, strict=True))
        for symbol, value in outer.items():
            inner.bind(symbol, Value(placeholder(name=f"input_{len(graph)}", core=value.shape), value.shape))
        value = inner.scalar(expr).settled
    needed = set(postorder([value.node]))
    free: list[placeholder] = []
    nodes: list[Node] = []
    ranks: list[int] = []
    for symbol, node in inner.placeholders.items():
        if node is index or node not in needed:
            continue
        given = outer[symbol] if symbol in outer else translator.translate([symbol])[0]
        free.append(node)
        nodes.append(given.settled.node)
        ranks.append(given.rank)
    key = _key(translator, expr, variable, [s for s, node in inner.placeholders.items() if node in free])
    body = Body.of_term(key, index, free, ranks, value.node, value.rank, neutral)
    return _Function(body, tuple(nodes), value.shape)


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


@rule(sympy.Sum, children=_children, refuse=_refuse)
def _sum(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    limit = _outermost(expr)
    bounds, rest = _bounds(translator, limit, values)
    function = as_function(translator, limit.body, limit.variable, rest, 0.0)
    return Value(_sum_node(translator, limit, bounds, function.body, function.inputs), function.shape)


def _sum_node(translator: Translator, limit: _Limit, bounds: Sequence[Node], body: Body, inputs: Sequence[Node]) -> Node:
    """The sum of a body, in one or two parts where it is infinite."""
    target = _target(translator)
    if limit.lower is -sympy.oo and limit.upper is sympy.oo:
        up = series_over(body, [translator.constant(0.0), *inputs], target, 1)
        return up + series_over(body, [translator.constant(-1.0), *inputs], target, -1)
    if limit.upper is sympy.oo:
        return series_over(body, [bounds[0], *inputs], target, 1)
    if limit.lower is -sympy.oo:
        return series_over(body, [bounds[1], *inputs], target, -1)
    return sum_over(body.reduced(product=False), [*bounds, *inputs], target)


@rule(sympy.Product, children=_children, refuse=_refuse)
def _product(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    limit = _outermost(expr)
    bounds, rest = _bounds(translator, limit, values)
    function = as_function(translator, limit.body, limit.variable, rest, 1.0)
    if limit.lower in _INFINITE or limit.upper in _INFINITE:
        logarithms = as_function(translator, log1p(limit.body - 1), limit.variable, rest, 0.0)
        return Value(_infinite_product(translator, limit, bounds, function, logarithms), function.shape)
    return Value(product_over(function.body, [*bounds, *function.inputs], _target(translator)), function.shape)


def _infinite_product(
    translator: Translator, limit: _Limit, bounds: Sequence[Node], function: _Function, logarithms: _Function
) -> Node:
    """The product of the first factors, times the exponential of the sum of the logarithms of all others."""
    target = _target(translator)
    upwards, downwards = limit.upper is sympy.oo, limit.lower is -sympy.oo
    first = translator.constant(-_FACTORS / 2) if upwards and downwards else bounds[0]
    last = translator.constant(_FACTORS / 2) if upwards and downwards else bounds[1]
    if upwards and not downwards:
        last = first + (_FACTORS - 1)
    elif downwards and not upwards:
        first = last - (_FACTORS - 1)
    result: Node = product_over(function.body, [first, last, *function.inputs], target)
    for wanted, start, direction in ((upwards, last + 1, 1), (downwards, first - 1, -1)):
        if wanted:
            result = result * exp(series_over(logarithms.body, [start, *logarithms.inputs], target, direction))
    return result


@rule(sympy.Integral, children=_children, refuse=_refuse)
def _integral(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    limit = _outermost(expr)
    bounds, rest = _bounds(translator, limit, values)
    function = as_function(translator, limit.body, limit.variable, rest, 0.0)
    return Value(integral_over(function.body, [*bounds, *function.inputs], _target(translator)), function.shape)
