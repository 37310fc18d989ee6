"""Derivatives, substitutions and limits that stand unevaluated in an expression.

SymPy evaluates them where it can. Derivatives that it cannot find, and those of sums and integrals, are found by automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..differentiate import gradients
from ..errors import UnsupportedExpressionError
from ..graph import Node
from ..ops.creation import zeros_like
from ..ops.functional_body import along
from ..ops.functional_derivatives import complex_derivative
from ..ops.parts import imag, real
from .constants import exact
from .rules import Value, rule
from .translator import Translator, brief
from .user import is_registered

__all__ = ["by_sympy", "closed_form", "value_of_closed_form"]

_UNEVALUATED = (sympy.Derivative, sympy.Subs, sympy.Limit)
_FUNCTIONALS = (sympy.Sum, sympy.Product, sympy.Integral)


@lru_cache(maxsize=512)
def by_sympy(expr: Any) -> Any | None:
    """What SymPy makes of an unevaluated Derivative, Subs, Limit or Integral; None where something of the kind is left.

    >>> x = sympy.Symbol("x")
    >>> by_sympy(sympy.Derivative(x**3, x)), by_sympy(sympy.Limit(sympy.sin(x) / x, x, 0))
    (3*x**2, 1)
    """
    if isinstance(expr, sympy.Derivative) and expr.expr.has(*_FUNCTIONALS):
        return None  # SymPy's result may divide by what can be 0, as the derivative of x**k does
    try:
        result = expr.doit(deep=False) if isinstance(expr, sympy.Derivative) else expr.doit()
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    left = result.atoms(*_UNEVALUATED) | (result.atoms(sympy.Integral) if isinstance(expr, sympy.Integral) else set())
    known = all(isinstance(part, sympy.Derivative) and isinstance(part.expr, AppliedUndef) for part in left)
    return result if known and result != expr and not result.has(sympy.AccumBounds) else None


def closed_form(expr: Any) -> list[Any]:
    """The children of an expression that `by_sympy` evaluates: none if the result is a number, which is nobody else's to evaluate."""
    result = by_sympy(expr)
    return [result] if result is not None and (result.free_symbols or exact(result) is None) else []


def value_of_closed_form(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    """The value of that result."""
    return values[0] if values else translator.scalar(by_sympy(expr))


def _inputs(expr: Any) -> list[Any]:
    """Its inputs; a function that is registered has those of its arguments."""
    from .calculus import inputs_of

    return inputs_of(expr, [], is_registered)


# --- limits


@rule(
    sympy.Limit,
    children=closed_form,
    refuse=lambda expr: "SymPy does not find this limit" if by_sympy(expr) is None else None,
)
def _limit(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return value_of_closed_form(translator, expr, values)


# --- substitutions


def _subs_children(expr: Any) -> list[Any]:
    if by_sympy(expr) is not None:
        return closed_form(expr)
    rest = [symbol for symbol in _inputs(expr.expr) if symbol not in expr.variables]
    return [*[value for value in expr.point if value.free_symbols], *rest]


def _refuse_subs(expr: Any) -> str | None:
    if by_sympy(expr) is None:
        for symbol in _inputs(expr.expr):
            if symbol not in expr.variables and symbol.has(*expr.variables):
                return f"{symbol} is not known at {', '.join(map(str, expr.point))}"
    return None


@rule(sympy.Subs, children=_subs_children, refuse=_refuse_subs)
def _subs(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if by_sympy(expr) is not None:
        return value_of_closed_form(translator, expr, values)
    given = iter(values)
    points = [next(given) if point.free_symbols else translator.scalar(point) for point in expr.point]
    rest = [symbol for symbol in _inputs(expr.expr) if symbol not in expr.variables]
    return _translated(
        translator, expr.expr, {**dict(zip(expr.variables, points, strict=True)), **dict(zip(rest, given, strict=True))}
    )


def _translated(translator: Translator, expr: Any, values: Mapping[Any, Value]) -> Value:
    """An expression whose inputs have other values."""
    inner = translator.inner(translator.graph)
    for symbol, value in values.items():
        inner.bind(symbol, value.settled)
    return inner.scalar(expr).settled


# --- derivatives


def _derivative_children(expr: Any) -> list[Any]:
    return _inputs(expr.expr) if by_sympy(expr) is None else closed_form(expr)


def _refuse_derivative(expr: Any) -> str | None:
    if by_sympy(expr) is not None or (isinstance(expr.expr, AppliedUndef) and not is_registered(expr.expr)):
        return None
    for part in expr.expr.atoms(sympy.Sum, sympy.Product):
        bounds = [bound for limit in part.limits for bound in limit[1:]]
        for variable in expr.variables:
            if any(bound.has(variable) for bound in bounds):
                return f"a derivative with respect to {variable}, which is in a bound of {brief(part)}"
    for variable, count in expr.variable_count:
        if not isinstance(variable, (sympy.Symbol, AppliedUndef)) or not count.is_Integer:
            return f"SymPy does not find this derivative with respect to {variable}"
        for symbol in _inputs(expr.expr):
            if symbol != variable and symbol.has(variable):
                return f"how {symbol} depends on {variable} is not known; make its derivative an input"
    return None


def _inspect_derivative(translator: Translator, expr: Any) -> str | None:
    function = expr.expr
    if not isinstance(function, AppliedUndef) or is_registered(function):
        return None
    if translator.rule(function) is None:
        return f"the function {function.func} is undefined: make {expr} an argument, or give an implementation"
    return f"the function {function.func} was given for this call alone, without a gradient: use symgraph.register(..., gradient=...)"


@rule(sympy.Derivative, children=_derivative_children, refuse=_refuse_derivative, inspect=_inspect_derivative)
def _derivative(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if by_sympy(expr) is not None:
        return value_of_closed_form(translator, expr, values)
    inputs = dict(zip(_inputs(expr.expr), values, strict=True))
    once = _translated(translator, expr.expr, inputs)
    if once.rank:
        raise UnsupportedExpressionError(f"{brief(expr)}: a derivative of an array that SymPy does not find", (expr,))
    # each row has a variable of its own, so that the gradient of the sum of all rows is the derivative of each
    rows = {v: along(inputs[v].settled.node, once.node) for v, _ in expr.variable_count if v in inputs}
    node = _translated(translator, expr.expr, {**inputs, **{v: Value(x) for v, x in rows.items()}}).node
    for variable, count in expr.variable_count:
        for _ in range(int(count)):
            node = _derivative_by(expr, node, rows.get(variable))
    return Value(node)


def _derivative_by(expr: Any, y: Node, x: Node | None) -> Node:
    """dy/dx for each row. Where x is real the gradient is so too, and the imaginary part of the derivative is that of the imaginary part."""
    if x is None:
        return zeros_like(y)
    try:
        by_real, by_imag = (gradients(part(y), x)[0] for part in (real, imag))
    except NotImplementedError as error:
        raise UnsupportedExpressionError(f"{brief(expr)}: {error}", (expr,)) from None
    if by_real is None:
        return zeros_like(y)
    return complex_derivative(by_real, by_real * 0 if by_imag is None else by_imag, x, y)
