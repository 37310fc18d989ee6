"""What the special functions share: SciPy on arrays where it is accurate, mpmath row by row elsewhere, and gradients from SymPy.

mpmath's values are computed at rising precision until two precisions agree, and rounded once. Rows that occur again are not computed again.
"""

from __future__ import annotations

import cmath
import inspect
import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, reduce
from typing import Any, ClassVar

import numpy as np
import sympy
from mpmath.libmp import NoConvergence
from sympy.core.function import ArgumentIndexError

from ..graph import OPERATORS, Node
from ..nodes import Constant
from ..shapes import Spec, broadcast, promote
from .base import Elementwise, as_float, is_complex
from .cuts import unsigned

__all__ = ["Special", "integers", "library", "whole"]

_PRECISIONS = (106, 180, 330, 630)  # bits; two consecutive values have to agree
_LARGEST_CACHE = 20_000  # rows
_LOCK = threading.RLock()  # mpmath's caches know no threads
_cache: OrderedDict[Any, complex] = OrderedDict()


class Special(Elementwise):
    """A function of NumPy arrays that is computed by SciPy, or by mpmath one row after the other.

    A subclass says what it is in `exact(self, mp, x, ...)`, for mpmath numbers of any precision, and may say in `values(self, x, ...)` how it is
    computed on float64 arrays of one shape, and in `complex_values` on arrays of which some are complex. Where `values` takes a namespace `xp`, the
    operation is also there in other ones that have SciPy's functions (`library`). Real inputs give real results, nan where
    the value is not real; complex inputs give complex results. Results are computed in double precision, and rounded to the inputs' precision.
    A row with nan is nan; one with an infinite input is nan too, unless SciPy or the subclass says what it is.

    Attributes of a class:
        computed_by: what computes it, and where.
        accuracy: its measured errors.
        indices: the inputs (by number), such as orders, that may be real numbers where others are complex.
        discrete: the inputs in which there is no derivative (None is their gradient), since they are integers by nature.
        real_valued: whether real inputs give real results.
        differentiated: the SymPy class whose `fdiff` gives the gradient; by default the first of `sympy_types`.
    """

    computed_by: ClassVar[str] = "mpmath"
    accuracy: ClassVar[str] = "rounded once from a value on which two precisions agree"
    indices: ClassVar[tuple[int, ...]] = ()
    discrete: ClassVar[tuple[int, ...]] = ()
    real_valued: ClassVar[bool] = True
    differentiated: ClassVar[Any] = None
    _values_take_xp: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._values_take_xp = "xp" in inspect.signature(cls.values).parameters
        parameters = list(inspect.signature(cls.exact).parameters.values())[2:]
        cls.arity = None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(parameters)

    def infer(self, *specs: Spec) -> Spec:
        dtype = as_float(promote(*[spec.dtype for spec in specs]))
        if not self.real_valued and dtype is not None:
            dtype = np.result_type(dtype, np.complex64)
        return Spec(broadcast(*[spec.shape for spec in specs]), dtype)

    def compute(self, *values: Any, xp: Any = np) -> Any:
        if xp is not np:
            return self._compute_elsewhere(values, xp)
        arrays = [_double(value) for value in values]
        for place in self.indices:
            if arrays[place].dtype.kind == "c" and not arrays[place].imag.any():
                arrays[place] = arrays[place].real
        arrays = list(np.broadcast_arrays(*arrays))
        with np.errstate(all="ignore"):
            if not arrays[0].size:
                result = np.empty(arrays[0].shape)
            elif any(array.dtype.kind == "c" for array in arrays):
                result = _despite_scipy(self._complex, arrays)
            else:
                result = _despite_scipy(self.values, *arrays)
        return np.asarray(result).astype(self._precision(values), copy=False)

    def _compute_elsewhere(self, values: Sequence[Any], xp: Any) -> Any:
        """In a namespace other than NumPy: by its own function of this class's name, or by `values`, of real numbers."""
        own = xp.special.operations.get(type(self).__name__)
        if own is not None:
            return own(*values)
        if not self._values_take_xp or any(is_complex(value) for value in values):
            raise NotImplementedError(f"{type(self).__name__} of these numbers, elsewhere than on NumPy arrays")
        values_of: Callable[..., Any] = self.values
        numbers = [np.float64(value) if isinstance(value, (int, float)) else value for value in values]
        result = values_of(*[xp.astype(number, np.float64) for number in numbers], xp=xp)
        return xp.astype(result, self._precision(values))

    def _complex(self, arrays: Sequence[Any]) -> Any:
        """Rows of real numbers have their real values where there are such."""
        arrays = [unsigned(array, np) for array in arrays]
        result = np.full(arrays[0].shape, np.nan, dtype=complex)
        plain = np.all([array.imag == 0 for array in arrays], axis=0)
        if plain.any():
            result[plain] = self.values(*[array[plain].real for array in arrays])
        rest = np.isnan(result)
        if rest.any():
            by_rows = any(arrays[place].dtype.kind == "c" for place in self.indices)
            result[rest] = (self.rows if by_rows else self.complex_values)(*[array[rest] for array in arrays])
        return result

    def _precision(self, values: Sequence[Any]) -> Any:
        """The result's dtype, to which Python numbers in the graph add no digits (their values come as arrays)."""
        kinds = [node.spec.dtype for node in self.input_nodes]
        dtype = np.result_type(
            *[k() if isinstance(k, type) else getattr(v, "dtype", v) for k, v in zip(kinds, values, strict=True)]
        )
        if dtype.kind not in "fc":
            dtype = np.dtype(np.float64)
        return dtype if self.real_valued else np.result_type(dtype, np.complex64)

    def exact(self, mp: Any, *numbers: Any) -> Any:
        """The value for mpmath numbers, in the precision of the context `mp`."""
        raise NotImplementedError

    def values(self, *arrays: Any) -> Any:
        """The values for float64 arrays of one shape, with `xp` as an argument of the namespace that they are of."""
        return self.rows(*arrays)

    def complex_values(self, *arrays: Any) -> Any:
        """The values for flat arrays of which some are complex (those of `indices` are not). Rows of real numbers come only where `values` is nan."""
        return self.rows(*arrays)

    def rows(self, *arrays: Any) -> Any:
        """The values by mpmath."""
        is_complex = not self.real_valued or any(array.dtype.kind == "c" for array in arrays)
        key = (type(self), *[getattr(self, name) for name in self.attributes])
        columns = [array.ravel().tolist() for array in arrays]
        found = [_row(key, self.exact, row, is_complex) for row in zip(*columns, strict=True)]
        return np.array(found, dtype=complex if is_complex else float).reshape(arrays[0].shape)

    def row(self, *numbers: float) -> float:
        """The value of one row of real numbers by mpmath."""
        return float(self.rows(*[np.array(number) for number in numbers]))

    def detached(self) -> Special:
        """The operation without inputs, which can be asked for nothing but its definition, and keeps no graph."""
        bare = object.__new__(type(self))
        bare.__dict__.update({name: getattr(self, name) for name in self.attributes})
        return bare

    def by_case(self, arrays: Sequence[Any], *cases: tuple[Any, Any], xp: Any = np) -> Any:
        """The values by the first of the cases that holds, pairs of a mask and a function of the arrays (or a number); by mpmath where none does."""
        if xp is not np:
            return self._by_choice(arrays, cases, xp)
        mask, function = cases[0]
        if callable(function) and mask.all():
            return function(*arrays)
        is_complex = not self.real_valued or any(array.dtype.kind == "c" for array in arrays)
        result: Any = np.empty(arrays[0].shape, dtype=complex if is_complex else float)
        rest = np.ones(result.shape, dtype=bool)
        for mask, function in (*cases, (rest, self.rows)):
            here = rest & mask
            if here.any():
                result[here] = function(*[array[here] for array in arrays]) if callable(function) else function
            rest = rest & ~here
        return result

    def _by_choice(self, arrays: Sequence[Any], cases: Sequence[tuple[Any, Any]], xp: Any) -> Any:
        """`by_case` in a namespace whose values have no rows to pick."""
        rest: Any = True
        chosen = []
        for mask, function in cases:
            here, rest = xp.logical_and(rest, mask), xp.logical_and(rest, xp.logical_not(mask))
            chosen.append((here, xp.special.only(here, function, *arrays) if callable(function) else function))
        result: Any = float("nan")
        if cases[-1][0] is not True:
            result = self.by_rows_where(rest, result, *arrays, xp=xp)
        for here, value in chosen:
            result = xp.where(here, value, result)
        return result

    def by_rows_where(self, mask: Any, result: Any, *arrays: Any, xp: Any = np) -> Any:
        """`result`, with mpmath's values where `mask` holds."""
        if xp is not np:
            unknown = reduce(xp.logical_or, [xp.isnan(array) for array in arrays])
            usual = xp.where(xp.logical_and(mask, unknown), float("nan"), result)
            return xp.special.rows(self, xp.logical_and(mask, ~unknown), usual, *arrays)
        if not mask.any():
            return result
        result = np.array(result)
        result[mask] = self.rows(*[array[mask] for array in arrays])
        return result

    # --- gradients

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        parts: list[Node | None] = []
        for place, node in enumerate(self.input_nodes):
            fixed = place in self.discrete or isinstance(node, Constant)
            part = None if fixed else self.partial(place)
            parts.append(None if part is None else grad * part)
        return parts

    def partial(self, place: int) -> Node | None:
        """The derivative with respect to one input: by SymPy's formula, or numerically where it has none. None for 0."""
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else formula

    def formula(self, place: int) -> Node | None:
        """SymPy's formula for the derivative with respect to one input."""
        function = self.differentiated or next(iter(self.sympy_types), None)
        if function is None:
            return None
        symbols, derivative = _fdiff(function, len(self.input_nodes), place)
        if derivative is None:
            return None
        node: Node = OPERATORS["translate"](derivative, dict(zip(symbols, self.input_nodes, strict=True)))
        return node

    def numeric_partial(self, place: int, where: Node | None = None) -> Node:
        """The derivative with respect to one input by mpmath, slow but right; only where a condition holds, if there is one, and nan elsewhere."""
        from .logic import where as choose
        from .special_partial import partial_derivative

        inputs: list[Any] = list(self.input_nodes)
        if where is not None:
            inputs[place] = choose(where, inputs[place], float("nan"))
        orders = tuple(int(i == place) for i in range(len(inputs)))
        parameters = tuple(getattr(self, name) for name in self.attributes)
        return partial_derivative(*inputs, operation=type(self).__name__, parameters=parameters, orders=orders)

    def guarded(self, place: int, formula: Node, where: Node) -> Node:
        """`formula` for a derivative, and the numeric one where a condition holds, since the formula is poor there (0/0 or a cancellation)."""
        from .logic import where as choose

        return choose(where, self.numeric_partial(place, where), formula)


@cache
def _fdiff(function: Any, count: int, place: int) -> tuple[tuple[Any, ...], Any]:
    """Symbols, and SymPy's derivative of the function of them; None where SymPy has no closed formula."""
    symbols = tuple(sympy.Dummy(f"x{i}") for i in range(count))
    try:
        derivative = function(*symbols).fdiff(place + 1)
    except (ArgumentIndexError, AttributeError, TypeError, ValueError):
        return symbols, None
    if derivative is None or derivative.has(sympy.Derivative, sympy.Sum, sympy.Integral, sympy.Subs, sympy.meijerg):
        return symbols, None
    return symbols, derivative


def _double(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)


# --- mpmath, one row at a time

# raised at poles, by series without an end, and by transformations that lead to each other in a circle
_NO_VALUE = (ValueError, ZeroDivisionError, NotImplementedError, NoConvergence, RecursionError)


@lru_cache(maxsize=1)
def _context() -> Any:
    """A context of our own: the precision of the user's `mpmath.mp` stays as it is."""
    from mpmath.ctx_mp import MPContext

    return MPContext()


def _row(key: Any, exact: Callable[..., Any], row: Sequence[Any], is_complex: bool) -> Any:
    if any(number != number for number in row):
        return math.nan
    where = (key, is_complex, row)
    with _LOCK:
        if where not in _cache:
            _cache[where] = _settled(exact, row, is_complex)
            if len(_cache) > _LARGEST_CACHE:
                _cache.popitem(last=False)
        return _cache[where]


def _settled(exact: Callable[..., Any], row: Sequence[Any], is_complex: bool) -> Any:
    """The value on which two precisions agree; nan where there is none, or where it is not real but should be."""
    mp = _context()
    before: Any = None
    for precision in _PRECISIONS:
        mp.prec = precision
        try:
            value = exact(mp, *[_number(mp, number) for number in row])
            if isinstance(value, int):
                return float(value)
            value = mp.convert(value)
        except _NO_VALUE:
            return math.nan
        except OverflowError:
            return math.inf
        except TypeError:  # mpmath takes infinite parameters for finite ones
            if all(map(cmath.isfinite, row)):
                raise
            return math.nan
        if before is not None and _agree(mp, before, value):
            return _rounded(mp, before, value, is_complex)
        before = value
    return math.nan


def _number(mp: Any, number: Any) -> Any:
    if isinstance(number, complex):
        return mp.mpf(number.real) if number.imag == 0 else mp.mpc(number)
    return mp.mpf(number)


def _agree(mp: Any, first: Any, second: Any) -> bool:
    if mp.isnan(first) or mp.isnan(second):
        return bool(mp.isnan(first) and mp.isnan(second))
    if mp.isinf(second):
        return bool(first == second)
    return bool(
        abs(first - second) <= abs(second) * mp.mpf(2) ** -60 or max(abs(first), abs(second)) < mp.mpf("1e-340")
    )


def _rounded(mp: Any, first: Any, second: Any, is_complex: bool) -> Any:
    """A part that the two precisions do not agree on is what is left of a zero."""
    size = abs(second)
    real, imag = mp.re(second), mp.im(second)
    if abs(imag - mp.im(first)) > abs(imag) * mp.mpf(2) ** -40 and abs(imag) < size * mp.mpf(2) ** -60:
        imag = mp.zero
    if abs(real - mp.re(first)) > abs(real) * mp.mpf(2) ** -40 and abs(real) < size * mp.mpf(2) ** -60:
        real = mp.zero
    if is_complex:
        return complex(float(real), float(imag))
    return float(real) if imag == 0 else math.nan


def whole(array: Any, xp: Any = np) -> Any:
    """Where an array of floats has integers."""
    return xp.equal(xp.floor(array), array)


def integers(array: Any, xp: Any) -> Any:
    """Whole floats as NumPy's integers, which some of SciPy's functions want; elsewhere as they are, since C takes them as integers then."""
    return array.astype(int) if xp is np else array


def _despite_scipy(function: Callable[..., Any], *arrays: Any) -> Any:
    """What a function gives, whatever SciPy's `errstate` says. That may be the whole process's, so it is left alone unless something was raised."""
    try:
        return function(*arrays)
    except Exception as error:
        special: Any = sys.modules.get("scipy.special")
        if special is None or not isinstance(error, (special.SpecialFunctionError, special.SpecialFunctionWarning)):
            raise
    with special.errstate(all="ignore"):
        return function(*arrays)


def library(xp: Any) -> Any:
    """SciPy's special functions, by their names, for arrays of the namespace `xp`."""
    if xp is not np:
        return xp.special
    import scipy.special

    return scipy.special
