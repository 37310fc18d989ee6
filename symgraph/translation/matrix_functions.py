"""Functions of matrices: exp(A), A**x, log(det(A)), permanents, solutions of linear systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.codegen.matrix_nodes import MatrixSolve
from sympy.core.function import ArgumentIndexError

from ..errors import UnsupportedExpressionError
from ..graph import Node
from ..ops.arithmetic import abs as absolute
from ..ops.arithmetic import multiply
from ..ops.creation import eye, size
from ..ops.diagonalization import eigensystem, spectral
from ..ops.indexing import getitem
from ..ops.linalg import determinant, logdet, matmul, matrix_power, slogdet
from ..ops.matrix_functions import (
    coshm,
    cosm,
    expm,
    fractional_matrix_power,
    logm,
    sinhm,
    sinm,
    sqrtm,
    tanhm,
    tanm,
)
from ..ops.permanent import glynn_signs, glynn_weights
from ..ops.reduction import reduce_prod, reduce_sum
from .matrices import product
from .rules import RULES, FunctionOfMatrix, Value, is_matrix, rule, spread
from .scopes import Scope
from .translator import Translator

_BY_SERIES = {
    sympy.exp: expm,
    sympy.log: logm,
    sympy.sin: sinm,
    sympy.cos: cosm,
    sympy.tan: tanm,
    sympy.sinh: sinhm,
    sympy.cosh: coshm,
    sympy.tanh: tanhm,
}
_INVERSE_OF_SERIES = {
    sympy.csc: sinm,
    sympy.sec: cosm,
    sympy.cot: tanm,
    sympy.csch: sinhm,
    sympy.sech: coshm,
    sympy.coth: tanhm,
}
_NOT_ANALYTIC = (
    sympy.Abs,
    sympy.sign,
    sympy.arg,
    sympy.re,
    sympy.im,
    sympy.conjugate,
    sympy.floor,
    sympy.ceiling,
    sympy.frac,
    sympy.Mod,
    sympy.Max,
    sympy.Min,
    sympy.Heaviside,
    sympy.DiracDelta,
    sympy.KroneckerDelta,
)


def _refuse(expr: Any) -> str | None:
    if isinstance(expr, _NOT_ANALYTIC):
        name = type(expr).__name__
        return f"{name} is no analytic function, so that it has no value for a matrix; for {name} of each entry use .applyfunc(...)"
    if sum(map(is_matrix, expr.args)) > 1:
        return "a function of several matrices; for the function of each entry use .applyfunc(...)"
    return None


def _of_matrix(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    reason = _refuse(expr)
    if reason is not None:
        raise UnsupportedExpressionError(f"This cannot be computed:\n  {expr}: {reason}", (expr,))
    place = next(i for i, value in enumerate(values) if value.shape)
    matrix = values[place].settled
    for table, inverted in ((_BY_SERIES, False), (_INVERSE_OF_SERIES, True)):
        if type(expr) in table and len(values) == 1:
            return Value(table[type(expr)](matrix.node), matrix.shape, inverted=inverted)
    return _by_eigenvalues(translator, expr, place, matrix)


RULES[FunctionOfMatrix] = RULES[sympy.exp]._replace(build=_of_matrix, refuse=_refuse)


def _by_eigenvalues(translator: Translator, expr: Any, place: int, matrix: Value) -> Value:
    """A function of a diagonalizable matrix, with one scalar evaluation for each eigenvalue."""
    variable = sympy.Dummy("eigenvalue")
    function = expr.func(*[variable if i == place else arg for i, arg in enumerate(expr.args)])
    system = eigensystem(matrix.node)
    scope = Scope(translator, {variable: Value(getitem(system, (..., 0, slice(None))))}, 1)
    values = scope.scalar(function).settled.node
    return Value(spectral(matrix.node, system, values, _slopes(scope, function, variable)), matrix.shape)


def _slopes(scope: Scope, function: Any, variable: Any) -> Node | None:
    try:
        slope = function.diff(variable)
        if slope.has(sympy.Derivative, sympy.Subs):
            return None
        return scope.scalar(slope).settled.node
    except (ArgumentIndexError, UnsupportedExpressionError):
        return None


def with_identity(translator: Translator, values: Sequence[Value]) -> list[Value]:
    """The terms of a sum of functions of a matrix, where a number stands for that number times the identity matrix."""
    matrix = next(value for value in values if value.shape)
    one = eye(size(matrix.node, -1), dtype=translator.dtype)
    return [value if value.shape else Value(multiply(spread(value, 2), one), matrix.shape) for value in values]


# --- powers


def matrix_to_the(translator: Translator, base: Value, exponent: Any) -> Value:
    """A power of a matrix: products and inverses, square roots, or exp(x log A)."""
    half = sympy.sympify(exponent) * 2
    if half.is_Integer and abs(half) <= 7:
        if half < 0:
            result = matrix_to_the(translator, base, -exponent)
            return result._replace(inverted=not result.inverted)
        if half == 2:
            return base
        node = base.settled.node
        whole = matrix_power(node, n=int(half) // 2) if half > 3 or half == 0 else node
        if half % 2 == 0:
            return Value(whole, base.shape)
        return Value(sqrtm(node) if half == 1 else matmul(whole, sqrtm(node)), base.shape)
    if exponent.is_Integer:
        return Value(matrix_power(base.settled.node, n=abs(int(exponent))), base.shape, inverted=bool(exponent < 0))
    power = translator.scalar(exponent).settled.node
    return Value(fractional_matrix_power(base.settled.node, power), base.shape)


@rule(
    sympy.MatPow,
    children=lambda expr: expr.args[:1] if expr.exp.is_Rational else expr.args,
    refuse=lambda expr: "a power with a matrix as exponent" if expr.exp.is_commutative is False else None,
)
def _power(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return matrix_to_the(translator, values[0], expr.exp)


# --- the logarithm of a determinant

_log = RULES[sympy.log]


def _of_natural_logarithms(expr: Any) -> tuple[Any, ...]:
    """The argument; for a logarithm to another base, which SymPy keeps with `evaluate=False`, the quotient that it stands for."""
    return tuple(expr.args) if len(expr.args) == 1 else (sympy.log(expr.args[0]) / sympy.log(expr.args[1]),)


@rule(sympy.log, children=_of_natural_logarithms, refuse=_log.refuse)
def _logarithm(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    """log(det(A)) and log(|det(A)|) from the factors of the determinant, which itself may be too large or too small for a float."""
    if len(expr.args) > 1:
        return values[0]
    node, shape, negated, inverted = values[0]
    if shape or negated:
        return _log.build(translator, expr, values)
    if isinstance(node, determinant):
        return Value(logdet(node.input_nodes[0]), (), inverted)
    if isinstance(node, absolute) and isinstance(node.input_nodes[0], determinant):
        return Value(slogdet(node.input_nodes[0].input_nodes[0]), (), inverted)
    return _log.build(translator, expr, values)


# --- permanents and linear systems


@rule(sympy.Permanent)
def _permanent(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    """Glynn's formula (European J. Combin. 31 (2010) 1887), with 2**(n - 1) products."""
    node = values[0].settled.node
    sums = matmul(glynn_signs(node), node)
    return Value(reduce_sum(multiply(glynn_weights(node), reduce_prod(sums, -1)), -1))


@rule(MatrixSolve, children=lambda expr: (expr.matrix, expr.vector))
def _solved(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    matrix, vector = values
    return product(translator, [matrix._replace(inverted=not matrix.inverted), vector.settled])
