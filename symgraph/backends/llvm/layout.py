"""How arrays lie in memory, and in which order a loop passes through them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from .cpython import DATA, layout_is_known

__all__ = [
    "SHORT",
    "broadcast",
    "broadcast_strides",
    "coalesced",
    "fitting",
    "innermost",
    "places_of",
    "whole",
    "whole_rows",
]

SHORT = 64  # rows, below which a loop takes less time than what is around it


def fitting(offered: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """The array that is offered, if it is one of this kind; else a new one."""
    fits = offered is not None and offered.shape == shape and offered.dtype == dtype and offered.flags.carray
    return offered if fits else np.empty(shape, dtype)


def broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    different = set(shapes) - {()}
    if len(different) <= 1:
        return different.pop() if different else ()
    return np.broadcast_shapes(*different)


def broadcast_strides(array: Any, batch: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The distances in bytes between entries along the axes of `shape`, to which the array's first axes are broadcast."""
    own = [0 if n == 1 else step for n, step in zip(batch, array.strides, strict=False)]
    return (*[0] * (len(shape) - len(batch)), *own)


def whole(array: Any, shape: tuple[int, ...]) -> Any:
    """The array, repeated to this shape, without gaps in memory."""
    if array.shape == shape and array.flags.c_contiguous:
        return array
    whole = np.empty(shape, array.dtype)
    whole[...] = array
    return whole


def places_of(arrays: Sequence[Any]) -> list[int]:
    """The addresses of the first entries."""
    if layout_is_known():  # to ask NumPy takes ten times as long
        return [_word(id(array) + DATA).value for array in arrays]
    return [array.__array_interface__["data"][0] for array in arrays]


_word = ctypes.c_size_t.from_address


def innermost(lengths: Sequence[int]) -> int:
    """The last axis, which is mostly the one that is nearest in memory, if it is long enough; else the longest."""
    if lengths[-1] >= SHORT:
        return len(lengths) - 1
    return max(range(len(lengths)), key=lambda axis: (lengths[axis], axis))


def whole_rows(array: Any, rank: int) -> Any:
    """The array itself if the core of each row lies in memory without gaps, else a copy. Kernels read at any address."""
    if not array.dtype.isnative:
        return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    step = array.itemsize
    for axis in range(1, rank + 1):
        if array.shape[-axis] != 1 and array.strides[-axis] != step:
            return np.ascontiguousarray(array)
        step *= array.shape[-axis]
    return array


def coalesced(strides: Sequence[Sequence[int]], shape: tuple[int, ...]) -> tuple[list[list[int]], list[int]]:
    """Strides and lengths of as few axes as there can be: neighbours that all operands pass through as one are one, length 1 is none."""
    lengths: list[int] = []
    result: list[list[int]] = [[] for _ in strides]
    for axis, length in enumerate(shape):
        if length == 1:
            continue
        if lengths and all(r[-1] == s[axis] * length for r, s in zip(result, strides, strict=True)):
            lengths[-1] *= length
            for r, s in zip(result, strides, strict=True):
                r[-1] = s[axis]
        else:
            lengths.append(length)
            for r, s in zip(result, strides, strict=True):
                r.append(s[axis])
    if not lengths:
        return [[0] for _ in strides], [1]
    return result, lengths
