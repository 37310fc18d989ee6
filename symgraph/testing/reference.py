"""Values of SymPy expressions by SymPy and mpmath alone, slowly and in many digits: what the fast values are judged by.

Nothing of the graph is used here. Two evaluations of an expression, one exact and one with a relative error of about 2**-52 put in after each step,
tell how much of a difference rounding alone explains; so one tolerance fits well and badly conditioned expressions alike.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean, BooleanAtom
from sympy.matrices.expressions import matexpr
from sympy.matrices.expressions import slice as slices
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

__all__ = ["Judgement", "evaluate", "judge", "judge_slope", "lengths_of"]

_LARGEST, _SMALLEST = sympy.Float("1e290"), sympy.Float("1e-290")
_EXACT = (sympy.floor, sympy.ceiling, sympy.sign, sympy.Heaviside, sympy.Max, sympy.Min, sympy.Abs)


class Undetermined(Exception):
    """SymPy gives no finite value, or one that no float64 stands for."""


class Judgement(NamedTuple):
    """A value as an array, and for each entry the difference from it that rounding explains."""

    value: Any
    tolerance: Any

    def accepts(self, actual: Any) -> bool:
        """Whether `actual` has the value's shape, is nan where that is, and elsewhere within the tolerance.

        >>> Judgement(np.array(1.0), np.array(1e-9)).accepts(1.5)
        False
        """
        actual = np.asarray(actual)
        if actual.shape != self.value.shape:
            return False
        if self.value.dtype == bool:
            return bool(np.all(actual == self.value))
        nan = np.isnan(self.value)
        with np.errstate(invalid="ignore"):
            close = np.abs(actual - self.value) <= self.tolerance
        return bool(np.all(np.where(nan, np.isnan(actual), close)))


def judge(expr: Any, values: Mapping[Any, Any], samples: int = 3) -> Judgement | None:
    """The value of an expression and how far rounding errors may lead away from it; None where it has no definite finite value.

    Args:
        expr: an expression of scalars and matrices, explicit matrix, or condition.
        values: a number or a matrix for each symbol, without batch axes. Where all are real, so are all functions: sqrt(-1) is nan.
        samples: how many disturbed evaluations are compared.

    >>> x = sympy.Symbol("x")
    >>> value, tolerance = judge(sympy.sin(x), {x: 1.0})
    >>> float(value), bool(tolerance < 1e-13)
    (0.8414709848078965, True)
    >>> judge(1 / x, {x: 0.0}) is None
    True
    """
    exact = evaluate(expr, values)
    if exact is None:
        return None
    value = _as_floats(exact)
    spread = np.zeros(value.shape)
    for seed in range(samples):
        disturbed = evaluate(expr, values, noise=seed)
        if disturbed is None:
            return None
        other = _as_floats(disturbed)
        if value.dtype == bool:
            if np.any(other != value):
                return None
            continue
        if other.dtype == bool or np.any(np.isnan(other) != np.isnan(value)):
            return None
        spread = np.maximum(spread, np.nan_to_num(np.abs(other - value)))
    if value.dtype == bool:
        return Judgement(value, spread)
    return Judgement(value, 64 * spread + 1e-14 * np.abs(np.nan_to_num(value)) + 1e-290)


def judge_slope(
    expr: Any, values: Mapping[Any, Any], direction: Mapping[Any, Any], weights: Any = 1, samples: int = 3
) -> Judgement | None:
    """The derivative of the sum of `weights * expr` in a direction (a number or matrix for some of the symbols), by differences over a tiny step
    in 60 digits; None at a kink or a step, at the border of where it is defined, and where it has no definite finite value.

    >>> x, y = sympy.symbols("x y")
    >>> value, tolerance = judge_slope(x * y, {x: 2.0, y: 3.0}, {x: 1.0})
    >>> float(value), bool(tolerance < 1e-10)
    (3.0, True)
    >>> judge_slope(sympy.Abs(x), {x: 0.0}, {x: 1.0}) is None
    True
    """
    step = sympy.Float(2, 60) ** -60
    total = partial(_weighted, expr, values, direction, weights)
    slopes: list[float] = []
    for noise in (None, *range(samples)):
        points = [total(places * step, noise) for places in ((-2, -1, 0, 1, 2) if noise is None else (-1, 1))]
        if not all(point.is_comparable for point in points):
            return None
        ways = [(b - a) / step for a, b in itertools.pairwise(points)]
        if any(abs(way - ways[0]) > 1e-9 * (1 + abs(way)) for way in ways):
            return None  # a kink or a step
        slopes.append(float(sum(ways) / len(ways) / (1 if noise is None else 2)))
    spread = max(abs(slope - slopes[0]) for slope in slopes)
    return Judgement(np.array(slopes[0]), np.array(256 * spread + 1e-12 * abs(slopes[0]) + 1e-25))


def _weighted(
    expr: Any, values: Mapping[Any, Any], direction: Mapping[Any, Any], weights: Any, step: Any, noise: Any
) -> Any:
    """The sum of `weights * expr` that far from `values`; nan where it has no value."""
    value = evaluate(expr, {s: _moved(value, direction.get(s), step) for s, value in values.items()}, 60, noise)
    return sympy.nan if value is None else np.sum(np.asarray(value) * np.asarray(weights))


def _moved(value: Any, direction: Any, step: Any) -> Any:
    """value + step * direction, exactly."""
    if direction is None:
        return value
    moved = np.asarray(_exact_array(value, 60)) + step * np.asarray(_exact_array(direction, 60))
    return np.asarray(moved, dtype=object)[()]


def _as_floats(value: Any) -> Any:
    entries = np.asarray(value, dtype=object)
    kinds = {isinstance(entry, (bool, BooleanAtom)) for entry in entries.reshape(-1)}
    if kinds == {True}:
        return np.array([bool(entry) for entry in entries.reshape(-1)]).reshape(entries.shape)
    numbers = [complex("nan") if entry is sympy.nan else complex(entry) for entry in entries.reshape(-1)]
    array = np.array(numbers, dtype=complex).reshape(entries.shape)
    return array if np.any(array.imag != 0) else array.real


def evaluate(expr: Any, values: Mapping[Any, Any], digits: int = 30, noise: int | None = None) -> Any:
    """The value: a SymPy number, true or false, or an object array of these; None where it is undefined, infinite, or beyond float64.

    `noise` puts a relative error of up to 2**-52 in after each step, the same for the same number.

    >>> x = sympy.Symbol("x")
    >>> evaluate(sympy.exp(x), {x: 1.0}, digits=20)
    2.7182818284590452354
    """
    expr = expr.as_immutable() if isinstance(expr, (sympy.MatrixBase, sympy.NDimArray)) else sympy.sympify(expr)
    known = {symbol: _exact_array(value, digits) for symbol, value in values.items()}
    real = not any(np.iscomplexobj(value) for value in values.values())
    real = real and not any(entry.has(sympy.I) for value in known.values() for entry in np.ravel(value))
    return Evaluation({**lengths_of(values), **known}, digits, noise, real).of(expr)


def lengths_of(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """The symbolic dimensions, from the shapes in which `values` have come.

    >>> n = sympy.Symbol("n")
    >>> lengths_of({sympy.MatrixSymbol("A", 2 * n, 1): [[1.0], [2.0]]})
    {n: 1}
    """
    equations: list[Any] = []
    for symbol, value in values.items():
        shape = getattr(symbol, "shape", ())
        lengths = np.shape(value)[np.ndim(value) - len(shape) :]
        equations += [
            sympy.Eq(dim, n) for dim, n in zip(shape, lengths, strict=True) if getattr(dim, "free_symbols", None)
        ]
    unknown = set().union(*[equation.free_symbols for equation in equations if isinstance(equation, sympy.Eq)])
    return dict(sympy.solve(equations, list(unknown), dict=True)[0]) if unknown else {}


def _exact_array(value: Any, digits: int) -> Any:
    array = np.asarray(value)
    numbers = [_exact(entry, digits) for entry in array.reshape(-1)]
    return numbers[0] if array.ndim == 0 else np.array(numbers, dtype=object).reshape(array.shape)


def _exact(number: Any, digits: int) -> Any:
    if isinstance(number, (bool, np.bool_)):
        return sympy.true if number else sympy.false
    if isinstance(number, complex):
        return _exact(number.real, digits) + sympy.I * _exact(number.imag, digits)
    if isinstance(number, sympy.Basic):
        return number
    if isinstance(number, (int, np.integer)):
        return sympy.Integer(int(number))
    return sympy.nan if number != number else sympy.Float(float(number), max(digits, 17))


class Evaluation:
    """One walk over an expression, from the leaves up, with SymPy's own definitions."""

    def __init__(self, known: Mapping[Any, Any], digits: int, noise: int | None, real: bool) -> None:
        self.known, self.digits, self.noise, self.real = known, digits, noise, real
        self._errors = random.Random()

    def length(self, dim: Any) -> int:
        """A dimension as a number."""
        dim = sympy.sympify(dim)
        return int(dim.xreplace({symbol: self.known[symbol] for symbol in dim.free_symbols}))

    def of(self, root: Any) -> Any:
        """The value of `root`; None where it has none."""
        done: dict[Any, Any] = {}
        stack = [root]
        while stack:
            expr = stack[-1]
            if expr in done:
                stack.pop()
                continue
            waiting = [part for part in self._parts(expr) if part not in done]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if self.noise is not None:
                self._errors.seed(1_000_003 * self.noise + len(done))
            try:
                done[expr] = self._step(expr, done)
            except Undetermined:
                done[expr] = None
        return done[root]

    def _rounds_to_equal(self, a: Any, b: Any) -> bool:
        """Whether numbers that differ may be equal after rounding: noise alone never makes them so."""
        if self.noise is None or not all(isinstance(part, sympy.Expr) for part in (a, b)):
            return False
        if sympy.nan in (a, b):
            return False
        return bool(abs(a - b) <= sympy.Float(2) ** -50 * (abs(a) + abs(b)))

    def _parts(self, expr: Any) -> tuple[Any, ...]:
        if expr in self.known or not getattr(expr, "args", ()):
            return ()
        if isinstance(expr, sympy.NDimArray):
            return tuple(expr.reshape(len(expr)))
        if isinstance(expr, sympy.MatrixBase):
            return tuple(expr.flat())
        if isinstance(expr, ElementwiseApplyFunction):
            return (expr.expr,)
        if isinstance(expr, (matexpr.MatrixElement, slices.MatrixSlice)):
            return tuple(expr.args[:1])
        if isinstance(expr, sympy.BlockMatrix) and not isinstance(expr, sympy.BlockDiagMatrix):
            return tuple(expr.blocks.flat())
        return tuple(expr.args)

    def _step(self, expr: Any, done: Mapping[Any, Any]) -> Any:
        if expr in self.known:
            return self.known[expr]
        parts = [done[part] for part in self._parts(expr)]
        if isinstance(expr, sympy.Piecewise):
            return self._piecewise(expr, done)
        if any(part is None for part in parts):
            raise Undetermined
        if isinstance(expr, ExprCondPair):
            return parts[0]
        if isinstance(expr, (sympy.Eq, sympy.Ne)) and self._rounds_to_equal(*parts):
            return sympy.true if isinstance(expr, sympy.Eq) else sympy.false
        is_array = getattr(expr, "is_Matrix", False) or isinstance(expr, sympy.NDimArray)
        if not is_array and not any(isinstance(part, np.ndarray) for part in parts):
            return self.scalar(expr, parts)
        from .matrix_reference import of_matrices

        return self.rounded(of_matrices(self, expr, parts))

    def _piecewise(self, expr: Any, done: Mapping[Any, Any]) -> Any:
        """The first branch whose condition holds; the others need no value. nan where none holds."""
        for value, condition in expr.args:
            test = done[condition]
            if test is None or test is sympy.nan:
                raise Undetermined
            if test:
                if done[value] is None:
                    raise Undetermined
                return done[value]
        return sympy.nan

    def scalar(self, expr: Any, parts: Sequence[Any]) -> Any:
        if isinstance(expr, Boolean):
            return self._truth(expr, parts)
        if any(part is sympy.nan for part in parts):
            if isinstance(expr, sympy.Pow):  # x**0 and 1**x are 1 in floating point whatever x is
                raise Undetermined
            return sympy.nan
        try:
            value = expr.func(*parts) if parts else expr
            if not (value.is_Float or value.is_Integer):
                value = value.evalf(self.digits)
        except (ZeroDivisionError, ValueError, TypeError):
            raise Undetermined from None
        if value is sympy.nan:
            raise Undetermined
        if self.real and value.is_comparable is False and value.is_finite and not value.is_Float:
            return sympy.nan
        exact = isinstance(expr, _EXACT) or value.is_Integer or (not parts and _is_short(expr))
        return self.rounded(value, exact)

    def _truth(self, expr: Any, parts: Sequence[Any]) -> Any:
        if any(part is sympy.nan for part in parts):
            raise Undetermined
        try:
            value = expr.func(*parts) if parts else expr
        except TypeError:
            raise Undetermined from None
        if value not in (sympy.true, sympy.false):
            raise Undetermined
        return value

    def rounded(self, value: Any, exact: bool = False) -> Any:
        """`value` if floats can hold it, with noise."""
        if isinstance(value, np.ndarray):
            return np.array([self.rounded(v, exact) for v in value.reshape(-1)], dtype=object).reshape(value.shape)
        if value is sympy.nan:
            return value
        size = abs(value)
        if not size.is_comparable or size > _LARGEST or (size < _SMALLEST and size != 0):
            raise Undetermined
        if exact or self.noise is None or size == 0:
            return value
        return value * (1 + sympy.Float(self._errors.uniform(-1, 1), self.digits) / 2**52)


def _is_short(number: Any) -> bool:
    """Whether a SymPy number is a float64."""
    return bool(number.is_Rational and number.q & (number.q - 1) == 0)
