"""Sums, products, powers, and the scalar functions that are more than one operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ..graph import Node
from ..nodes import Constant, constant
from ..ops.arithmetic import (
    add_n,
    divide,
    integer_power,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    principal_cbrt,
    sqrt,
    square,
    subtract,
)
from ..ops.elementary import cos, exp, exp2
from ..ops.logic import heaviside
from .rules import Value, elementwise, is_matrix, rule
from .translator import Translator

_CHAIN = 8  # sums of more terms are one add_n


@rule(sympy.Add)
def _add(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if any(value.shape for value in values) and not all(value.shape for value in values) and is_matrix(expr):
        from .matrix_functions import with_identity

        values = with_identity(translator, values)
    return total(values)


def total(values: Sequence[Value]) -> Value:
    """The sum of values of one shape (scalars among matrices stand for each entry)."""
    terms = _cancelling_first([_subtracted(value if not value.inverted else value.settled) for value in values])
    shape = max((term.shape for term in terms), key=len, default=())
    signs = [term.negated for term in terms]
    nodes, _ = elementwise([term._replace(negated=False) for term in terms])
    if all(signs):
        return Value(_sum(nodes), shape, negated=True)
    if len(nodes) > _CHAIN:
        return Value(add_n([negative(node) if sign else node for node, sign in zip(nodes, signs, strict=True)]), shape)
    first = signs.index(False)
    result = nodes[first]
    for place, node in enumerate(nodes):
        if place != first:
            result = subtract(result, node) if signs[place] else result + node
    return Value(result, shape)


def _subtracted(value: Value) -> Value:
    """A negative constant as a subtracted positive one."""
    node = value.node
    if isinstance(node, Constant) and isinstance(node.value, float) and node.value < 0:
        return value._replace(node=constant(-node.value, graph=node.graph), negated=not value.negated)
    return value


def _cancelling_first(terms: list[Value]) -> list[Value]:
    """exp(x) and 1, or cos(x) and 1, with opposite signs are combined first: together they are exact (see `rewriting`)."""
    ones = [t for t in terms if isinstance(t.node, Constant) and type(t.node.value) is float and t.node.value == 1]
    if len(terms) < 3:
        return terms
    if not ones:
        return _number_last(terms)
    one = ones[0]
    partner = next((t for t in terms if isinstance(t.node, (exp, cos)) and t.negated != one.negated), None)
    if partner is None:
        return _number_last(terms)
    plus, minus = (one, partner) if partner.negated else (partner, one)
    rest = [t for t in terms if t is not one and t is not partner]
    return [Value(subtract(plus.node, minus.node), plus.shape), *rest]


def _number_last(terms: list[Value]) -> list[Value]:
    """The order in which people (and SymPy's printers) write sums, which loses fewest digits where a number is large."""
    return sorted(terms, key=lambda term: isinstance(term.node, Constant))


def _sum(nodes: Sequence[Node]) -> Node:
    if len(nodes) > _CHAIN:
        return add_n(nodes)
    result = nodes[0]
    for node in nodes[1:]:
        result = result + node
    return result


def _factors(expr: Any) -> Sequence[Any]:
    """The factors of a product, its numbers (2, pi, sqrt(2), ...) as one, which is rounded once."""
    numbers = [arg for arg in expr.args if _is_plain_number(arg)]
    if not 2 <= len(numbers) < len(expr.args):
        return tuple(expr.args)
    return (sympy.Mul(*numbers), *[arg for arg in expr.args if not _is_plain_number(arg)])


def _is_plain_number(expr: Any) -> bool:
    if expr.is_Pow:
        return all(part.is_Number or part.is_NumberSymbol for part in expr.args)
    return bool(expr.is_Number or expr.is_NumberSymbol)


@rule(sympy.Mul, children=_factors)
def _mul(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if any(value.shape for value in values):
        from .matrices import product

        if not is_matrix(expr):
            nodes, shape = elementwise(values)
            return scalar_product(translator, [Value(node) for node in nodes]).settled._replace(shape=shape)
        return product(translator, values)
    return scalar_product(translator, values)


def scalar_product(translator: Translator, values: Sequence[Value]) -> Value:
    """The product of scalars: all numerators, over all denominators."""
    negated = False
    above: list[Node] = []
    below: list[Node] = []
    for value in values:
        node = value.node
        negated ^= value.negated
        number = (
            node.value if isinstance(node, Constant) and isinstance(node.value, float) and not value.inverted else None
        )
        if number is not None:
            negated ^= number < 0
            if number in (1, -1):
                continue
            node = translator.constant(-number) if number < 0 else node
            whole = _whole_reciprocal(abs(number))
            if whole is not None:
                below.append(translator.constant(whole))
                continue
        (below if value.inverted else above).append(node)
    if not below:
        return Value(_product(above, translator), (), negated)
    if not above:
        return Value(_product(below, translator), (), negated, inverted=True)
    return Value(divide(_product(above, translator), _product(below, translator)), (), negated)


def _whole_reciprocal(value: float) -> float | None:
    """n where value is the float nearest to 1/n, and n no power of two: dividing by n rounds once, multiplying by 1/n twice."""
    if not 0 < value < 1:
        return None
    n = round(1 / value)
    return float(n) if n < 1000 and n & (n - 1) and 1 / n == value else None


def _product(nodes: Sequence[Node], translator: Translator) -> Node:
    if not nodes:
        return translator.constant(1.0)
    result = nodes[0]
    for node in nodes[1:]:
        result = multiply(result, node)
    return result


@rule(sympy.Pow, children=lambda expr: expr.args[:1] if expr.exp.is_Rational else expr.args)
def _pow(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if values[0].shape and is_matrix(expr.base):
        from .matrix_functions import matrix_to_the

        return matrix_to_the(translator, values[0], expr.exp)
    if any(value.shape for value in values):  # arrays, entry by entry
        nodes, shape = elementwise(values)
        return _pow(translator, expr, [Value(node) for node in nodes]).settled._replace(shape=shape)
    if expr.exp.is_Rational:
        return rational_power(translator, values[0], expr.exp)
    base, exponent = (value.settled.node for value in values)
    if isinstance(base, Constant) and base.value == 2:
        return Value(exp2(exponent))
    return Value(power(base, exponent))


def rational_power(translator: Translator, value: Value, exponent: Any) -> Value:
    """x ** (p/q): by multiplications, square and cube roots, and reciprocals where these are exact enough."""
    p, q = int(exponent.p), int(exponent.q)
    if p < 0 and ((q == 1 and -p <= 8) or (q == 2 and -p <= 3) or (q == 3 and p == -1)):
        positive = rational_power(translator, value, -exponent).settled
        return positive._replace(inverted=True)
    if q == 1 and p % 2 == 0:
        value = value._replace(negated=False)
    if q == 1 and value.inverted and abs(p) <= 8:
        return rational_power(translator, value._replace(inverted=False), exponent)._replace(inverted=True)
    x = value.settled.node
    if q == 1:
        return Value(x if p == 1 else square(x) if p == 2 else integer_power(x, n=p))
    if q == 2 and p in (1, 3):
        return Value(sqrt(x) if p == 1 else power(x, translator.constant(1.5)))
    if q == 3 and p == 1:
        return Value(principal_cbrt(x))
    return Value(power(x, translator.constant(p / q)))


@rule(sympy.Max, sympy.Min)
def _extreme(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    operation = maximum if isinstance(expr, sympy.Max) else minimum
    nodes, shape = elementwise(values)
    nodes = [translator.real(node) for node in nodes]
    result = nodes[0]
    for node in nodes[1:]:
        result = operation(result, node)
    return Value(result, shape)


@rule(sympy.Heaviside)
def _heaviside(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (node, at_zero), shape = elementwise(values)
    return Value(heaviside(translator.real(node), at_zero), shape)


@rule(sympy.Poly, children=lambda expr: (expr.as_expr(),))
def _poly(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]
