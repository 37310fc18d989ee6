"""Reductions of small arrays in lanes, and arrays of constants, as an array namespace has them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .lanes import KINDS, Lanes, Unsupported

__all__ = ["Reductions"]

_LARGEST = 64  # entries that are reduced in lanes


class Reductions:
    """A part of `Namespace`. Axes are those of a row."""

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """From first to last."""
        return self._reduced("add", 0.0, x, axis, keepdims)

    def prod(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """From first to last."""
        return self._reduced("multiply", 1.0, x, axis, keepdims)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("maximum", None, x, axis, keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("minimum", None, x, axis, keepdims)

    def all(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("logical_and", True, x, axis, keepdims, np.dtype(bool))

    def any(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("logical_or", False, x, axis, keepdims, np.dtype(bool))

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        array = _as_array(x)
        count = float(np.prod([array.shape[a] for a in _axes(array, axis)]))
        if not count:
            raise Unsupported("the mean of nothing")
        return self.sum(x, axis, keepdims) / count

    def _reduced(
        self, operation: str, start: Any, x: Any, axis: Any, keepdims: bool, dtype: np.dtype[Any] | None = None
    ) -> Any:
        namespace: Any = self
        array = namespace.astype(_as_array(x), dtype) if dtype is not None else _as_array(x)
        if array.size > _LARGEST:
            raise Unsupported("a reduction of a large core")
        of_two: Callable[[Any, Any], Any] = getattr(self, operation)
        of_arrays = np.frompyfunc(of_two, 2, 1)
        entries = array.entries
        for place in sorted(_axes(array, axis), reverse=True):
            rest = np.moveaxis(entries, place, 0)
            if not len(rest):
                if start is None:
                    raise Unsupported("the largest of nothing")
                total: Any = np.full(rest.shape[1:], namespace.lane(start, array.dtype), dtype=object)
            else:
                total = functools.reduce(of_arrays if rest.ndim > 1 else of_two, rest)
            total = _object(total)
            entries = np.expand_dims(total, place) if keepdims else total
        return array.with_entries(entries)

    def zeros(self, shape: Any, dtype: Any = np.float64) -> Any:
        namespace: Any = self
        return namespace.full(_shape(shape), 0.0, _known(dtype))

    def ones(self, shape: Any, dtype: Any = np.float64) -> Any:
        namespace: Any = self
        return namespace.full(_shape(shape), 1.0, _known(dtype))

    def eye(self, n: int, m: int | None = None, dtype: Any = np.float64) -> Any:
        namespace: Any = self
        return namespace.asarray(np.eye(n, m, dtype=_known(dtype)))


def _known(dtype: Any) -> np.dtype[Any]:
    known: np.dtype[Any] = np.dtype(dtype)
    if known not in KINDS:
        raise Unsupported(f"numbers of dtype {known}")
    return known


def _shape(shape: Any) -> Sequence[int]:
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)


def _as_array(x: Any) -> Lanes:
    return x if isinstance(x, Lanes) else Lanes.of(x)


def _object(value: Any) -> np.ndarray[Any, Any]:
    """A lane, or an array of lanes, as an array of objects."""
    if isinstance(value, np.ndarray):
        return value
    entry = np.empty((), object)
    entry[()] = value
    return entry


def _axes(array: Lanes, axis: Any) -> list[int]:
    axes = range(array.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not all(-array.ndim <= a < array.ndim for a in axes):
        raise Unsupported("an axis that a row does not have")
    return [a % array.ndim for a in axes]
