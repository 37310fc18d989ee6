"""Values whose entries are instructions, so that an operation's `compute` writes code instead of computing.

A `Lane` is one number of each row, a `Lanes` a small array of them. Axes of a batch do not show: a row is all there is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .code import Code

__all__ = ["BOOL", "KINDS", "Lane", "Lanes", "Unsupported"]

BOOL = np.dtype(bool)
KINDS = {
    np.dtype(np.float64): "double",
    np.dtype(np.float32): "float",
    np.dtype(np.complex128): "double",
    np.dtype(np.complex64): "float",
    BOOL: "i1",
}


class Unsupported(Exception):
    """Something that has no native code; another way is taken."""


class _Operators:
    """Python's operators, by the functions of the value's namespace."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy arrays leave operators to these
    namespace: Any

    def __add__(self, other: Any) -> Any:
        return self.namespace.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return self.namespace.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return self.namespace.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.namespace.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return self.namespace.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.namespace.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.namespace.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.namespace.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return self.namespace.pow(self, other)

    def __neg__(self) -> Any:
        return self.namespace.negative(self)

    def __abs__(self) -> Any:
        return self.namespace.abs(self)

    def __lt__(self, other: Any) -> Any:
        return self.namespace.less(self, other)

    def __le__(self, other: Any) -> Any:
        return self.namespace.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return self.namespace.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return self.namespace.greater_equal(self, other)

    def __and__(self, other: Any) -> Any:
        return self.namespace.logical_and(self, other)

    def __or__(self, other: Any) -> Any:
        return self.namespace.logical_or(self, other)

    def __invert__(self) -> Any:
        return self.namespace.logical_not(self)

    def __bool__(self) -> bool:
        raise Unsupported("the truth of a value that is not there yet")

    def __float__(self) -> float:
        raise Unsupported("the number of a value that is not there yet")

    __int__ = __index__ = __complex__ = __float__


class Lane(_Operators):
    """One number of each row: an instruction, or for complex numbers two."""

    __slots__ = ("dtype", "ids", "namespace")
    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1

    def __init__(self, namespace: Any, dtype: np.dtype[Any], ids: tuple[int, ...]) -> None:
        self.namespace, self.dtype, self.ids = namespace, dtype, ids

    @property
    def code(self) -> Code:
        code: Code = self.namespace.code
        return code

    def __getitem__(self, key: Any) -> Any:
        if key == () or key is ...:
            return self
        return Lanes.of(self)[key]

    def astype(self, dtype: Any) -> Any:
        return self.namespace.astype(self, dtype)


class Lanes(_Operators):
    """A small array of lanes, all of one dtype: `entries` is an object array of them."""

    __slots__ = ("dtype", "entries", "namespace")

    def __init__(self, namespace: Any, dtype: np.dtype[Any], entries: np.ndarray[Any, Any]) -> None:
        self.namespace, self.dtype, self.entries = namespace, dtype, entries

    @classmethod
    def of(cls, lane: Lane) -> Lanes:
        entries = np.empty((), object)
        entries[()] = lane
        return cls(lane.namespace, lane.dtype, entries)

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.entries.shape
        return shape

    @property
    def ndim(self) -> int:
        return self.entries.ndim

    @property
    def size(self) -> int:
        return self.entries.size

    def with_entries(self, entries: Any) -> Any:
        """A value with other entries of the same dtype: a Lane if it is just one."""
        if isinstance(entries, Lane):
            return entries
        return entries[()] if entries.ndim == 0 else Lanes(self.namespace, self.dtype, entries)

    def __getitem__(self, key: Any) -> Any:
        return self.with_entries(self.entries[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        cast = self.namespace.astype(value, self.dtype)
        self.entries[key] = cast.entries if isinstance(cast, Lanes) else cast

    def __matmul__(self, other: Any) -> Any:
        return self.namespace.matmul(self, other)

    def astype(self, dtype: Any) -> Any:
        return self.namespace.astype(self, dtype)

    def map(self, function: Callable[[Any], Any]) -> Any:
        """`function` of each lane."""
        results = np.empty(self.shape, object)
        for place in np.ndindex(self.shape):
            results[place] = function(self.entries[place])
        return joined(self.namespace, results)


def joined(namespace: Any, entries: np.ndarray[Any, Any]) -> Any:
    """An object array of lanes and numbers as one value, of their common dtype."""
    flat = entries.reshape(-1)
    dtype = common(*flat) if flat.size else np.dtype(np.float64)
    cast = np.empty(flat.shape, object)
    for place, entry in enumerate(flat):
        cast[place] = namespace.lane(entry, dtype)
    return Lanes(namespace, dtype, cast.reshape(entries.shape)) if entries.ndim else cast.reshape(())[()]


def common(*values: Any) -> np.dtype[Any]:
    """NumPy's result dtype of lanes, arrays and Python numbers."""
    kinds: set[Any] = set()
    for value in values:
        if isinstance(value, (Lane, Lanes)):
            kinds.add(value.dtype)
        else:
            kinds.add(type(value) if type(value) in _NUMBERS else np.result_type(value))
    if len(kinds) == 1 and values[0].__class__ is Lane:
        first: np.dtype[Any] = values[0].dtype
        return first
    return _common(frozenset(kinds))


_NUMBERS: dict[Any, Any] = {kind: kind() for kind in (bool, int, float, complex)}


@functools.lru_cache(maxsize=256)
def _common(kinds: frozenset[Any]) -> np.dtype[Any]:
    dtype = np.result_type(*[_NUMBERS.get(kind, kind) for kind in kinds])
    if dtype not in KINDS:
        raise Unsupported(f"numbers of dtype {dtype}")
    return dtype
