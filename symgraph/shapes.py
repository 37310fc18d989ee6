"""Static shapes: what is known of an array's shape before a value is there.

A shape is a tuple. Each axis is an `int`, or `None` where its length is not known. The first entry may be `...`, which stands for any
number of leading axes; so `(...,)` is a shape of which nothing is known, and `(..., 3, 3)` a batch of 3 x 3 matrices. Axes are compared from
the last one backwards, as NumPy broadcasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np
import sympy

from .errors import ShapeError

__all__ = [
    "UNKNOWN",
    "Dim",
    "Shape",
    "Spec",
    "accepts",
    "as_shape",
    "broadcast",
    "core_shape",
    "format_shape",
    "is_static",
    "promote",
]

Dim = int | None
Shape = tuple[int | EllipsisType | None, ...]

UNKNOWN: Shape = (...,)


class Spec(NamedTuple):
    """What is known of a node's value: its shape and its dtype.

    `dtype` is None where it depends on what is fed, and one of the Python types bool, int, float, complex for a Python scalar, which
    takes the dtype of what it meets (NumPy's NEP 50).

    >>> Spec((..., 3), np.dtype("float64")).shape
    (Ellipsis, 3)
    """

    shape: Shape = UNKNOWN
    dtype: Any = None

    @property
    def is_complex(self) -> bool | None:
        """Whether values are complex; None where that is not known."""
        if self.dtype is None:
            return None
        return self.dtype is complex or (isinstance(self.dtype, np.dtype) and self.dtype.kind == "c")


def as_shape(shape: Any) -> Shape:
    """A shape from what users write: None (unknown), an int, or a sequence of int, None and a leading `...`.

    >>> as_shape(None), as_shape(3), as_shape([None, 2])
    ((Ellipsis,), (3,), (None, 2))
    """
    if shape is None:
        return UNKNOWN
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    dims: list[Any] = []
    for axis, dim in enumerate(shape):
        if dim is None or (dim is ... and axis == 0):
            dims.append(dim)
        elif isinstance(dim, (int, np.integer)) and dim >= 0:
            dims.append(int(dim))
        else:
            raise ShapeError(
                f"{shape!r} is not a shape: axis {axis} is {dim!r}, but must be a length, or None where it is not known"
            )
    return tuple(dims)


def is_static(shape: Shape) -> bool:
    """Whether every axis is known.

    >>> is_static((2, 3)), is_static((..., 3)), is_static((None,))
    (True, False, False)
    """
    return all(isinstance(dim, int) for dim in shape)


def format_shape(shape: Iterable[Any]) -> str:
    """A shape as it is shown in messages.

    >>> format_shape((..., 3, None)), format_shape((3,))
    ('(..., 3, None)', '(3,)')
    """
    dims = ["..." if dim is ... else str(dim) for dim in shape]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"


def accepts(declared: Shape, actual: Sequence[int]) -> bool:
    """Whether an array of shape `actual` is one of shape `declared`.

    >>> accepts((..., 3), (7, 3)), accepts((None, 3), (3,))
    (True, False)
    """
    core = declared[1:] if declared and declared[0] is ... else declared
    if len(actual) < len(core) or (len(actual) > len(core) and len(core) == len(declared)):
        return False
    tail = actual[len(actual) - len(core) :]
    return all(want is None or want == have for want, have in zip(core, tail, strict=True))


def _broadcast_axis(first: Any, second: Any) -> Any:
    if first == second:
        return first
    if first == 1:
        return second
    if second == 1:
        return first
    if first is None or second is None:
        return second if first is None else first
    raise ShapeError


@lru_cache(maxsize=4096)
def _broadcast_two(first: Shape, second: Shape) -> Shape:
    open_first, open_second = first[:1] == (...,), second[:1] == (...,)
    core_first, core_second = first[open_first:], second[open_second:]
    result: list[Any] = []
    for back in range(1, max(len(core_first), len(core_second)) + 1):
        # an axis that one side may or may not have is unknown there if that side is open, and absent (1) if it is not
        a = core_first[-back] if back <= len(core_first) else (None if open_first else 1)
        b = core_second[-back] if back <= len(core_second) else (None if open_second else 1)
        result.append(_broadcast_axis(a, b))
    if open_first or open_second:
        result.append(...)
    return tuple(reversed(result))


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an elementwise operation's result.

    Raises ShapeError where no values of these shapes could be broadcast.

    >>> broadcast((2, 1), (3,)), broadcast((...,), (3,)), broadcast((None,), (1,))
    ((2, 3), (Ellipsis, 3), (None,))
    """
    result: Shape = ()
    for shape in shapes:
        try:
            result = _broadcast_two(result, shape)
        except ShapeError:
            text = " and ".join(format_shape(s) for s in shapes)
            raise ShapeError(f"Dimensions must be equal (or 1), but the shapes are {text}") from None
    return result


_EXAMPLES: dict[Any, Any] = {bool: False, int: 0, float: 0.0, complex: 0j}


@lru_cache(maxsize=4096)
def promote(*dtypes: Any) -> Any:
    """The dtype in which NumPy combines these (None where one is not known).

    >>> promote(np.dtype("float32"), float), promote(np.dtype("int64"), None)
    (dtype('float32'), None)
    """
    if any(dtype is None for dtype in dtypes):
        return None
    return np.result_type(*(_EXAMPLES.get(dtype, dtype) for dtype in dtypes))


def core_shape(symbol: Any) -> tuple[Any, ...]:
    """The shape of one value of a symbol, its dimensions int or SymPy expressions: () for a Symbol, (m, n) for a MatrixSymbol.

    >>> core_shape(sympy.MatrixSymbol("A", 2, sympy.Symbol("n")))
    (2, n)
    """
    if isinstance(symbol, (sympy.Idx, sympy.Indexed)):
        return ()
    shape = getattr(symbol, "shape", None)
    if shape is None:
        return ()
    return tuple(int(dim) if isinstance(dim, (int, sympy.Integer)) else dim for dim in shape)
