"""The array namespace whose values are instructions: NumPy's functions, as operations' `compute` calls them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import complexes, elementary, small, special
from .code import Code
from .lanes import BOOL, KINDS, Lane, Lanes, Unsupported, common, joined
from .reductions import Reductions

__all__ = ["Namespace"]

bool_type = bool  # the class has NumPy's under this name


def _by_entry(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of lanes and numbers, made one of arrays of them, which are broadcast."""

    @functools.wraps(function)
    def of_entries(self: Namespace, *values: Any) -> Any:
        for value in values:
            if isinstance(value, (Lanes, np.ndarray)):
                break
        else:
            return function(self, *values)
        arrays = np.broadcast_arrays(*[_entries(value) for value in values])
        results = np.empty(arrays[0].shape, object)
        for place in np.ndindex(results.shape):
            results[place] = function(self, *[array[place] for array in arrays])
        return joined(self, results)

    return of_entries


def _entries(value: Any) -> np.ndarray[Any, Any]:
    if isinstance(value, Lanes):
        return value.entries
    if isinstance(value, np.ndarray):
        return value
    entry = np.empty((), object)
    entry[()] = value
    return entry


class Namespace(Reductions):
    """Writes instructions into `code`. What it does not have raises Unsupported.

    >>> code = Code()
    >>> xp = Namespace(code)
    >>> x = xp.leaf(np.dtype(np.float64), 0)
    >>> xp.add(x, 1.0).dtype, len(code.instructions)
    (dtype('float64'), 3)
    """

    bool = np.bool_
    float64 = np.float64

    def __init__(self, code: Code) -> None:
        self.code = code
        self.linalg = small.LinearAlgebra(self)
        self.special = special.SpecialFunctions(self)

    def __getattr__(self, name: str) -> Any:
        raise Unsupported(f"the function {name}")

    def by_entry(self, function: Callable[..., Any], *values: Any) -> Any:
        """A function of lanes and numbers, of values that may also be arrays of them."""
        return _by_entry(lambda _, *lanes: function(*lanes))(self, *values)

    # --- lanes and numbers

    def leaf(self, dtype: np.dtype[Any], place: int) -> Lane:
        """The number that goes in at `place`; a complex one also takes the next place."""
        kind = KINDS[dtype]
        places = (place, place + 1) if dtype.kind == "c" else (place,)
        return Lane(self, dtype, tuple(self.code.leaf(kind, p) for p in places))

    def lane(self, value: Any, dtype: np.dtype[Any]) -> Lane:
        """A lane or a number as a lane of `dtype`, which is no lower one."""
        if isinstance(value, Lane):
            return value if value.dtype is dtype else self._cast(value, dtype)
        kind = KINDS[dtype]
        if dtype.kind == "c":
            number = complex(value)
            return Lane(self, dtype, (self.code.const(number.real, kind), self.code.const(number.imag, kind)))
        return Lane(self, dtype, (self.code.const(value, kind),))

    def _cast(self, value: Lane, dtype: np.dtype[Any]) -> Lane:
        if value.dtype == dtype:
            return value
        kind, code = KINDS[dtype], self.code
        parts = tuple(self._cast_part(part, kind) for part in value.ids)
        if dtype == BOOL:
            nonzero = [code.fcmp("une", part, code.const(0.0, code.kinds[part])) for part in value.ids]
            return Lane(self, dtype, (functools.reduce(lambda a, b: code.iop("or", a, b), nonzero),))
        if dtype.kind == "c" and len(parts) == 1:
            parts = (parts[0], code.const(0.0, kind))
        return Lane(self, dtype, parts if dtype.kind == "c" else parts[:1])

    def _cast_part(self, part: int, kind: str) -> int:
        have = self.code.kinds[part]
        if have == kind or kind == "i1":
            return part
        if have == "i1":
            return self.code.to_float(part, kind)
        return self.code.extend(part) if kind == "double" else self.code.round_to_float(part)

    def _real(self, function: Callable[..., int], *values: Any, dtype: Any = None) -> Lane:
        dtype = dtype or self._floating(common(*values))
        return Lane(self, dtype, (function(*[self.lane(v, dtype).ids[0] for v in values]),))

    @staticmethod
    def _floating(dtype: np.dtype[Any]) -> np.dtype[Any]:
        if dtype == BOOL:  # NumPy has rules of its own for these
            raise Unsupported("arithmetic of conditions")
        return dtype

    def _arithmetic(self, op: str, x: Any, y: Any) -> Lane:
        dtype = self._floating(common(x, y))
        a, b = self.lane(x, dtype), self.lane(y, dtype)
        if dtype.kind == "c":
            return Lane(self, dtype, getattr(complexes, op)(self.code, a.ids, b.ids))
        kind = KINDS[dtype]
        return Lane(self, dtype, (self.code.emit(op, kind, a.ids[0], b.ids[0]),))

    # --- arithmetic

    @_by_entry
    def add(self, x: Any, y: Any) -> Any:
        return self._arithmetic("add", x, y)

    @_by_entry
    def subtract(self, x: Any, y: Any) -> Any:
        return self._arithmetic("sub", x, y)

    @_by_entry
    def multiply(self, x: Any, y: Any) -> Any:
        return self._arithmetic("mul", x, y)

    @_by_entry
    def divide(self, x: Any, y: Any) -> Any:
        return self._arithmetic("fdiv", x, y)

    @_by_entry
    def negative(self, x: Any) -> Any:
        dtype = common(x)
        if dtype == BOOL:
            raise Unsupported("the negative of a condition")
        return Lane(self, dtype, tuple(self.code.fneg(part) for part in self.lane(x, dtype).ids))

    @_by_entry
    def abs(self, x: Any) -> Any:
        dtype = common(x)
        if dtype.kind == "c":
            parts = self.lane(x, dtype).ids
            return Lane(self, np.empty(0, dtype).real.dtype, (complexes.size(self.code, parts),))
        return self._real(self.code.fabs, x)

    @_by_entry
    def sign(self, x: Any) -> Any:
        dtype = self._floating(common(x))
        if dtype.kind == "c":
            raise Unsupported("the sign of a complex number")
        code, kind, (a,) = self.code, KINDS[dtype], self.lane(x, dtype).ids
        zero, one = code.const(0.0, kind), code.const(1.0, kind)
        size = code.select(code.fcmp("oeq", a, zero), zero, code.copysign(one, a))
        return Lane(self, dtype, (code.select(code.isnan(a), a, size),))

    @_by_entry
    def maximum(self, x: Any, y: Any) -> Any:
        return self._extremum("oge", x, y)

    @_by_entry
    def minimum(self, x: Any, y: Any) -> Any:
        return self._extremum("ole", x, y)

    def _extremum(self, relation: str, x: Any, y: Any) -> Lane:
        dtype, code = self._floating(common(x, y)), self.code
        if dtype.kind == "c":
            raise Unsupported("the order of complex numbers")
        a, b = self.lane(x, dtype).ids[0], self.lane(y, dtype).ids[0]
        first = code.iop("or", code.fcmp(relation, a, b), code.isnan(a))
        return Lane(self, dtype, (code.select(first, a, b),))

    @_by_entry
    def floor(self, x: Any) -> Any:
        return self._rounded("floor", x)

    @_by_entry
    def ceil(self, x: Any) -> Any:
        return self._rounded("ceil", x)

    @_by_entry
    def trunc(self, x: Any) -> Any:
        return self._rounded("trunc", x)

    @_by_entry
    def round(self, x: Any) -> Any:
        return self._rounded("roundeven", x)

    def _rounded(self, how: str, x: Any) -> Lane:
        if common(x).kind == "c":
            raise Unsupported("the rounding of a complex number")
        return self._real(getattr(self.code, how), x)

    @_by_entry
    def remainder(self, x: Any, y: Any) -> Any:
        return self._of_doubles("remainder", x, y)

    @_by_entry
    def sqrt(self, x: Any) -> Any:
        dtype = self._floating(common(x))
        if dtype.kind == "c":
            return self._of_complex("sqrt", x)
        return self._real(self.code.sqrt, x, dtype=dtype)

    # --- comparisons and conditions

    def _compared(self, relation: str, x: Any, y: Any) -> Lane:
        dtype, code = common(x, y), self.code
        if dtype == BOOL:
            dtype = np.dtype(np.float64)
        a, b = self.lane(x, dtype), self.lane(y, dtype)
        if dtype.kind != "c":
            return Lane(self, BOOL, (code.fcmp(relation, a.ids[0], b.ids[0]),))
        if relation not in ("oeq", "une"):
            raise Unsupported("the order of complex numbers")
        parts = [code.fcmp(relation, p, q) for p, q in zip(a.ids, b.ids, strict=True)]
        return Lane(self, BOOL, (code.iop("and" if relation == "oeq" else "or", *parts),))

    @_by_entry
    def equal(self, x: Any, y: Any) -> Any:
        return self._compared("oeq", x, y)

    @_by_entry
    def not_equal(self, x: Any, y: Any) -> Any:
        return self._compared("une", x, y)

    @_by_entry
    def less(self, x: Any, y: Any) -> Any:
        return self._compared("olt", x, y)

    @_by_entry
    def less_equal(self, x: Any, y: Any) -> Any:
        return self._compared("ole", x, y)

    @_by_entry
    def greater(self, x: Any, y: Any) -> Any:
        return self._compared("ogt", x, y)

    @_by_entry
    def greater_equal(self, x: Any, y: Any) -> Any:
        return self._compared("oge", x, y)

    def _logical(self, op: str, *values: Any) -> Lane:
        return Lane(self, BOOL, (functools.reduce(lambda a, b: self.code.iop(op, a, b), map(self._truth, values)),))

    def _truth(self, value: Any) -> int:
        return self._cast(value, BOOL).ids[0] if isinstance(value, Lane) else self.code.const(bool_type(value), "i1")

    @_by_entry
    def logical_and(self, x: Any, y: Any) -> Any:
        return self._logical("and", x, y)

    @_by_entry
    def logical_or(self, x: Any, y: Any) -> Any:
        return self._logical("or", x, y)

    @_by_entry
    def logical_xor(self, x: Any, y: Any) -> Any:
        return self._logical("xor", x, y)

    @_by_entry
    def logical_not(self, x: Any) -> Any:
        return Lane(self, BOOL, (self.code.not_(self._truth(x)),))

    @_by_entry
    def where(self, condition: Any, x: Any, y: Any) -> Any:
        dtype = common(x, y)
        truth, a, b = self._truth(condition), self.lane(x, dtype), self.lane(y, dtype)
        return Lane(self, dtype, tuple(self.code.choice(truth, p, q) for p, q in zip(a.ids, b.ids, strict=True)))

    def _any_part(self, test: Callable[[int], int], x: Any) -> Lane:
        dtype = common(x)
        parts = [test(part) for part in self.lane(x, np.dtype(np.float64) if dtype == BOOL else dtype).ids]
        return Lane(self, BOOL, (functools.reduce(lambda a, b: self.code.iop("or", a, b), parts),))

    @_by_entry
    def isnan(self, x: Any) -> Any:
        return self._any_part(self.code.isnan, x)

    @_by_entry
    def isinf(self, x: Any) -> Any:
        code = self.code
        return self._any_part(lambda p: code.fcmp("oeq", code.fabs(p), code.const(np.inf, code.kinds[p])), x)

    @_by_entry
    def isfinite(self, x: Any) -> Any:
        code = self.code
        far = self._any_part(lambda p: code.not_(code.fcmp("olt", code.fabs(p), code.const(np.inf, code.kinds[p]))), x)
        return Lane(self, BOOL, (code.not_(far.ids[0]),))

    # --- parts of complex numbers, dtypes, creation

    @_by_entry
    def real(self, x: Any) -> Any:
        return self._part(x, 0)

    @_by_entry
    def imag(self, x: Any) -> Any:
        return self._part(x, 1)

    def _part(self, x: Any, place: int) -> Any:
        dtype = common(x)
        if dtype.kind != "c":
            return x if place == 0 else self.lane(0.0, dtype)
        return Lane(self, np.empty(0, dtype).real.dtype, (self.lane(x, dtype).ids[place],))

    @_by_entry
    def conj(self, x: Any) -> Any:
        dtype = common(x)
        if dtype.kind != "c":
            return x
        a, b = self.lane(x, dtype).ids
        return Lane(self, dtype, (a, self.code.fneg(b)))

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if not isinstance(x, (Lane, Lanes)):
            x = self.lane(x, common(x)) if np.ndim(x) == 0 else self._constants(np.asarray(x))
        return x if dtype is None else self.astype(x, dtype)

    def _constants(self, x: np.ndarray[Any, Any]) -> Lanes:
        """Lanes of constants; whole numbers become doubles, which they are as soon as they meet another lane."""
        if x.dtype in (np.int64, np.int32):
            x = x.astype(np.float64)
        if x.dtype not in KINDS:
            raise Unsupported(f"numbers of dtype {x.dtype}")
        entries = np.empty(x.shape, object)
        for place in np.ndindex(x.shape):
            entries[place] = self.lane(x[place].item(), x.dtype)
        return Lanes(self, x.dtype, entries)

    def astype(self, x: Any, dtype: Any) -> Any:
        dtype = np.dtype(dtype)
        if dtype not in KINDS:
            raise Unsupported(f"numbers of dtype {dtype}")
        if not isinstance(x, (Lane, Lanes)):
            x = self.asarray(x)
        return x.map(lambda lane: self.lane(lane, dtype)) if isinstance(x, Lanes) else self.lane(x, dtype)

    def result_type(self, *values: Any) -> np.dtype[Any]:
        return common(*values)

    def zeros_like(self, x: Any) -> Any:
        return self._filled(x, 0.0)

    def ones_like(self, x: Any) -> Any:
        return self._filled(x, 1.0)

    def _filled(self, x: Any, value: float) -> Any:
        lane = self.lane(value, x.dtype)
        return x.map(lambda _: lane) if isinstance(x, Lanes) else lane

    def full(self, shape: Sequence[int], value: Any, dtype: Any = np.float64) -> Any:
        lane = self.lane(value, np.dtype(dtype))
        return Lanes.of(lane).with_entries(np.full(shape, lane, dtype=object)) if len(shape) else lane

    def empty(self, shape: Sequence[int], dtype: Any = np.float64) -> Any:
        if np.dtype(dtype) not in KINDS:
            raise Unsupported(f"numbers of dtype {dtype}")
        return Lanes(self, np.dtype(dtype), np.empty(shape, object))

    # --- shapes

    def _shaped(self, x: Any, function: Callable[[Any], Any]) -> Any:
        value = x if isinstance(x, (Lane, Lanes)) else self.asarray(x)
        array = Lanes.of(value) if isinstance(value, Lane) else value
        return array.with_entries(function(array.entries))

    def reshape(self, x: Any, shape: Any) -> Any:
        return self._shaped(x, lambda e: np.reshape(e, shape))

    def expand_dims(self, x: Any, axis: Any = 0) -> Any:
        return self._shaped(x, lambda e: np.expand_dims(e, axis))

    def squeeze(self, x: Any, axis: Any = None) -> Any:
        return self._shaped(x, lambda e: np.squeeze(e, axis))

    def permute_dims(self, x: Any, axes: Any) -> Any:
        return self._shaped(x, lambda e: np.transpose(e, axes))

    def matrix_transpose(self, x: Any) -> Any:
        return self._shaped(x, lambda e: np.swapaxes(e, -1, -2))

    def broadcast_to(self, x: Any, shape: Any) -> Any:
        return self._shaped(x, lambda e: np.broadcast_to(e, shape))

    def concat(self, pieces: Sequence[Any], axis: int = 0) -> Any:
        return joined(self, np.concatenate([_entries(piece) for piece in pieces], axis=axis))

    def stack(self, pieces: Sequence[Any], axis: int = 0) -> Any:
        return joined(self, np.stack([_entries(piece) for piece in pieces], axis=axis))

    # --- matrices

    def matmul(self, a: Any, b: Any) -> Any:
        return small.matmul(self, a, b)

    # --- elementary functions

    def _of_doubles(self, name: str, *values: Any) -> Lane:
        """An elementary function: of floats it is computed in doubles and rounded, which leaves little more than the rounding error."""
        dtype = self._floating(common(*values))
        if dtype.kind == "c":
            return self._of_complex(name, *values)
        name = elementary.SINGLE.get(name, name) if dtype == np.float32 else name
        parts = [self._cast_part(self.lane(value, dtype).ids[0], "double") for value in values]
        return Lane(self, dtype, (self._cast_part(self.code.emit("elementary", "double", name, *parts), KINDS[dtype]),))

    def _of_complex(self, name: str, *values: Any) -> Lane:
        function = getattr(complexes, name, None)
        if function is None:
            raise Unsupported(f"{name} of complex numbers")
        dtype = common(*values)
        wide = np.dtype(np.complex128)
        parts = function(self.code, *[self.lane(value, wide).ids for value in values])
        return self._cast(Lane(self, wide, parts), dtype)


def _elementary(name: str) -> Any:
    def function(self: Namespace, *values: Any) -> Any:
        return self._of_doubles(name, *values)

    return _by_entry(function)


for _name in elementary.FUNCTIONS:
    if _name not in vars(Namespace):
        setattr(Namespace, _name, _elementary(_name))
