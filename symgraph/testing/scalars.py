"""Random scalar expressions, and values for symbols of all kinds, as hypothesis strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from hypothesis import reject
from hypothesis import strategies as st

__all__ = ["conditions", "expressions", "values_for"]

SMOOTH = (
    *(sympy.exp, sympy.log, sympy.sqrt, sympy.cbrt),
    *(sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec, sympy.csc, sympy.sinc),
    *(sympy.asin, sympy.acos, sympy.atan, sympy.acot, sympy.asec, sympy.acsc),
    *(sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth, sympy.sech, sympy.csch),
    *(sympy.asinh, sympy.acosh, sympy.atanh, sympy.acoth, sympy.asech, sympy.acsch),
)
WITH_KINKS = (sympy.Abs, sympy.sign, sympy.floor, sympy.ceiling, sympy.frac, sympy.Heaviside)
_RELATIONS = (sympy.Lt, sympy.Le, sympy.Gt, sympy.Ge, sympy.Eq, sympy.Ne)

Strategy = st.SearchStrategy[Any]


# --- scalar expressions


def _constants() -> Strategy:
    whole = st.integers(-4, 4).map(sympy.Integer)
    ratio = st.builds(sympy.Rational, st.integers(-9, 9), st.sampled_from([2, 3, 4, 5, 7, 10]))
    named = st.sampled_from([sympy.pi, sympy.E, sympy.sqrt(2), sympy.GoldenRatio, sympy.log(3)])
    decimal = st.floats(-5, 5, allow_subnormal=False).map(lambda x: sympy.Float(round(x, 3) or 0.125))
    return st.one_of(whole, ratio, named, decimal)


def _built(build: Callable[..., Any], *parts: Strategy) -> Strategy:
    """What `build` makes of drawn parts, where SymPy allows it and all constants in the result are real and finite."""

    def construct(*drawn: Any) -> Any:
        try:
            result = build(*drawn)
        except (TypeError, ValueError, ZeroDivisionError, NotImplementedError, RecursionError, AttributeError):
            reject()
        if result.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I, sympy.AccumBounds):
            reject()
        if any(part.is_number and not part.is_extended_real for part in result.atoms(sympy.Pow, sympy.Function)):
            reject()  # a constant that is not real makes the whole complex
        return result

    return st.builds(construct, *parts)


def _arithmetic(inner: Strategy) -> Strategy:
    exponents = st.sampled_from([2, 3, -1, -2, sympy.Rational(1, 2), sympy.Rational(-1, 2), sympy.Rational(3, 2)])
    fractions = st.builds(sympy.Rational, st.integers(-7, 7), st.sampled_from([1, 2, 3, 4, 5]))
    return st.one_of(
        _built(sympy.Add, inner, inner),
        _built(sympy.Add, inner, inner, inner),
        _built(sympy.Mul, inner, inner),
        _built(lambda a, b: a - b, inner, inner),
        _built(lambda a, b: a / b, inner, inner),
        _built(sympy.Pow, inner, exponents | fractions),
    )


def _of_one(functions: Sequence[Any], inner: Strategy) -> Strategy:
    return _built(lambda f, x: f(x), st.sampled_from(functions), inner)


def conditions(inner: Strategy) -> Strategy:
    """Conditions on the expressions that `inner` draws: relations, and And, Or, Not, Xor, Implies and ITE of these.

    >>> from hypothesis import find
    >>> x, y = sympy.symbols("x y", real=True)
    >>> find(conditions(st.sampled_from([x, y])), lambda c: isinstance(c, sympy.And)).free_symbols == {x, y}
    True
    """
    relations = _built(lambda kind, a, b: kind(a, b), st.sampled_from(_RELATIONS), inner, inner)
    of_two = st.sampled_from([sympy.And, sympy.Or, sympy.Xor, sympy.Implies, sympy.Equivalent])
    return st.one_of(
        relations,
        _built(lambda kind, a, b: kind(a, b), of_two, relations, relations),
        _built(sympy.Not, relations),
        _built(sympy.ITE, relations, relations, relations),
    )


def _choices(inner: Strategy) -> Strategy:
    test = conditions(inner)
    return st.one_of(
        _built(lambda a, c, b: sympy.Piecewise((a, c), (b, True)), inner, test, inner),
        _built(lambda a, c, b, d, e: sympy.Piecewise((a, c), (b, d), (e, True)), inner, test, inner, test, inner),
        _built(lambda a, c: sympy.Piecewise((a, c)), inner, test),
    )


def expressions(symbols: Sequence[Any], *, max_leaves: int = 8, smooth: bool = False) -> Strategy:
    """Random real scalar expressions of `symbols` (best declared real).

    Args:
        symbols: which may occur in it.
        max_leaves: the largest number of symbols and constants.
        smooth: without steps and kinks (Abs, floor, Min, Max, Mod, Piecewise, ...).

    They have exact constants (integers, rationals, pi, ...), sums, products, powers, elementary functions, and, unless `smooth`, choices on
    conditions. They may be undefined, or hard to compute, for some values.

    >>> from hypothesis import find
    >>> x = sympy.Symbol("x", real=True)
    >>> find(expressions([x]), lambda e: e.has(sympy.sin))
    sin(x)
    """
    leaves = st.sampled_from(list(symbols)) | _constants()

    def extend(inner: Strategy) -> Strategy:
        grown = [
            _arithmetic(inner),
            _of_one(SMOOTH, inner),
            _built(sympy.Pow, inner, inner),
            _built(sympy.atan2, inner, inner),
        ]
        if not smooth:
            of_two = st.sampled_from([sympy.Max, sympy.Min, sympy.Mod])
            grown += [
                _of_one(WITH_KINKS, inner),
                _built(lambda f, a, b: f(a, b), of_two, inner, inner),
                _choices(inner),
            ]
        return st.one_of(grown)

    return st.recursive(leaves, extend, max_leaves=max_leaves)


# --- values


_NUMBERS = st.one_of(
    st.floats(-3, 3).map(lambda x: x if abs(x) > 1e-9 else 0.0),
    st.integers(-3, 3).map(float),
    st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.5, 1e-8, 1e-3, 100.0, -1e5]),
)


@st.composite
def values_for(draw: Any, symbols: Sequence[Any], *, batch: Sequence[int] = (), numbers: Strategy = _NUMBERS) -> Any:
    """A dict with a value for each of `symbols`: float64, in its shape, with the axes `batch` in front.

    Symbolic dimensions are drawn from 1 to 3, the same for all. Entries of matrices are between -1 and 1, and the diagonal of square ones is raised
    so that they are regular; `numbers` is for scalars.

    >>> from hypothesis import find
    >>> A = sympy.MatrixSymbol("A", sympy.Symbol("n"), 2)
    >>> find(values_for([A]), lambda values: values[A].shape == (3, 2))[A].dtype
    dtype('float64')
    """
    free = sorted(set().union(*[sympy.Tuple(*getattr(s, "shape", ())).free_symbols for s in symbols]), key=str)
    lengths = {dim: draw(st.integers(1, 3)) for dim in free}
    values: dict[Any, Any] = {}
    for symbol in symbols:
        core = tuple(int(sympy.sympify(dim).subs(lengths)) for dim in getattr(symbol, "shape", ()))
        shape = (*batch, *core)
        count = int(np.prod(shape))
        entries = st.floats(-1, 1, width=16, allow_subnormal=False) if core else numbers
        drawn = draw(st.lists(entries, min_size=count, max_size=count))
        array = np.array(drawn, dtype=float).reshape(shape) + 0.0  # -0.0 is 0.0: SymPy knows one zero
        if len(core) == 2 and core[0] == core[1]:
            array = array + (core[0] + 1) * np.eye(core[0])
        values[symbol] = array if shape else float(array)
    return values
