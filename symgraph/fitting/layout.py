"""Layout: how the entries of several symbols lie in one vector, which is the only form that SciPy's optimisers know."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arguments import argument_list, check_arguments
from ..errors import ArgumentError, FeedError, ShapeError
from ..feeds import as_array, describe
from ..functions import Function
from ..nodes import symbol_name
from ..shapes import core_shape, format_shape

__all__ = ["Layout", "cores_of", "flattened", "real_vector", "symbol_meant", "symbols_of"]


def symbols_of(symbols: Any, what: str) -> tuple[Any, ...]:
    """A symbol, or a list of symbols, as a tuple. ArgumentError names what is no symbol, or is given twice."""
    listed = tuple(argument_list(symbols))
    check_arguments(listed)
    if not listed:
        raise ArgumentError(f"{what} is empty: name at least one symbol")
    return listed


def symbol_meant(key: Any, symbols: Iterable[Any]) -> Any:
    """The one of `symbols` that a key is, or is the name of; None where there is none. ArgumentError where several have that name.

    >>> import sympy
    >>> symbol_meant("a", [sympy.Symbol("a"), sympy.Symbol("b")])
    a
    """
    found = [s for s in symbols if (symbol_name(s) == key if isinstance(key, str) else s == key)]
    if len(found) > 1:
        raise ArgumentError(
            f"{key!r} is the name of several symbols, {', '.join(map(describe, found))}: use the symbol itself"
        )
    return found[0] if found else None


def cores_of(function: Function) -> dict[Any, tuple[Any, ...]]:
    """The shape of one value of each argument of a Function."""
    return {node.symbol: node.core for node in function.graph.placeholders}


def real_vector(p: Any, name: str) -> Any:
    """`p` as an array of float64. Integers are converted; complex numbers are refused."""
    if type(p) is np.ndarray and p.dtype == np.float64:  # no subclass, which may have a mask
        return p
    array = np.asarray(as_array(p, name))
    if array.dtype.kind == "c":
        raise FeedError(
            f"{name}: complex numbers were given, but SciPy's optimisers vary real ones; split them by re and im"
        )
    return array.astype(np.float64)


class Layout:
    """The entries of `symbols` in one vector: symbol after symbol, each in C order.

    Attributes:
        symbols: the symbols, in order.
        cores: the shape of one value of each.
        size: the number of entries, or None where one symbol has a symbolic dimension (the vector's length settles it then).

    >>> import sympy
    >>> layout = Layout([sympy.Symbol("a"), sympy.MatrixSymbol("M", 2, 2)])
    >>> layout.unpack(np.arange(5.0))
    [np.float64(0.0), array([[1., 2.],
           [3., 4.]])]
    >>> layout.names()
    ['a', 'M[0, 0]', 'M[0, 1]', 'M[1, 0]', 'M[1, 1]']
    """

    def __init__(self, symbols: Sequence[Any], cores: Mapping[Any, tuple[Any, ...]] | None = None) -> None:
        self.symbols = tuple(symbols)
        self.cores = tuple(cores[s] if cores is not None else core_shape(s) for s in self.symbols)
        unknown = [(s, c) for s, c in zip(self.symbols, self.cores, strict=True) if _unknowns(c)]
        if len(unknown) > 1 or any(_unknowns(core) > 1 for _, core in unknown):
            text = ", ".join(f"{s} {format_shape(core)}" for s, core in unknown)
            raise ArgumentError(
                f"The length of a vector settles one symbolic dimension, but there are more: {text}; give them numbers"
            )
        self._known = sum(math.prod(core) for core in self.cores if not _unknowns(core))
        self.size: int | None = None if unknown else self._known
        self._scalars = not any(self.cores)

    def shapes(self, size: int) -> list[tuple[int, ...]]:
        """The shape of each symbol where the vector has `size` entries. ShapeError where there is none."""
        if self.size is not None and size != self.size:
            raise ShapeError(f"The vector has {size} entries, but {self} need {self.size}")
        return [_settled(core, size - self._known, self) for core in self.cores]

    def unpack(self, p: Any) -> list[Any]:
        """The value of each symbol, from a vector of shape (n,), or (n, k) for k points at once: then each value has the batch axis k."""
        if self._scalars and p.shape == (self.size,):
            return list(p)  # numbers of NumPy: Python's would take the dtype of what they meet, such as float32
        if p.ndim == 0 and self.size == 1:  # as `minimize_scalar` has it
            p = p.reshape(1)
        if p.ndim == 0 or p.ndim > 2:
            raise ShapeError(
                f"A vector of shape (n,) is needed for {self}, or (n, k) for k of them, but the shape is {p.shape}"
            )
        values: list[Any] = []
        start = 0
        points = p.T  # the batch axis leads
        for shape in self.shapes(p.shape[0]):
            stop = start + math.prod(shape)
            part = points[..., start:stop].reshape((*points.shape[:-1], *shape))
            values.append(part[()])
            start = stop
        return values

    def pack(self, values: Sequence[Any]) -> Any:
        """The vector of the values of all symbols, one for each. Inverse to `unpack` for one point."""
        parts = []
        for symbol, core, value in zip(self.symbols, self.cores, values, strict=True):
            array = real_vector(value, symbol_name(symbol))
            if core[1:] == (1,) and array.ndim == 1:
                array = array[:, None]
            if array.ndim != len(core) or any(
                isinstance(n, int) and n != m for n, m in zip(core, array.shape, strict=True)
            ):
                raise ShapeError(
                    f"The value of {symbol} has shape {array.shape}, but the shape must be {format_shape(core)}"
                )
            parts.append(array.reshape(-1))
        return np.concatenate(parts)

    def flatten(self, parts: Sequence[Any]) -> Any:
        """One array whose last axis has the n entries, from an array for each symbol whose last axes are the symbol's."""
        return flattened(parts, self.cores)

    def names(self, size: int | None = None) -> list[str]:
        """A name for each entry of a vector, as `size` of them there are."""
        total = self.size if size is None else size
        if total is None:
            raise ShapeError(f"The names of {self} are known only with the length of the vector")
        return [
            name
            for symbol, shape in zip(self.symbols, self.shapes(total), strict=True)
            for name in _entry_names(symbol_name(symbol), shape)
        ]

    def __str__(self) -> str:
        texts = [
            f"{s} {format_shape(core)}" if core else str(s) for s, core in zip(self.symbols, self.cores, strict=True)
        ]
        return ", ".join(texts if len(texts) <= 8 else [*texts[:6], f"... ({len(texts)} symbols)"])


def flattened(parts: Sequence[Any], cores: Sequence[tuple[Any, ...]]) -> Any:
    """One array from several: their last axes, as many as each of `cores` has, become one, and these lie one after the other.

    >>> flattened([np.zeros(3), np.ones((3, 2, 2))], [(), (2, 2)]).shape
    (3, 5)
    """
    if not any(cores):
        return np.stack(parts, axis=-1) if np.ndim(parts[0]) else np.array(parts)
    arrays = [
        array.reshape((*array.shape[: array.ndim - len(core)], -1)) if core else array[..., None]
        for array, core in zip(map(np.asarray, parts), cores, strict=True)
    ]
    return np.concatenate(arrays, axis=-1)


def _entry_names(name: str, shape: tuple[int, ...]) -> Iterable[str]:
    if not shape:
        return [name]
    return [f"{name}[{', '.join(map(str, place))}]" for place in np.ndindex(*shape)]


def _unknowns(core: tuple[Any, ...]) -> int:
    return sum(not isinstance(dim, int) for dim in core)


def _settled(core: tuple[Any, ...], left: int, layout: Layout) -> tuple[int, ...]:
    """`core` with its symbolic dimension such that `left` entries are in it."""
    if not _unknowns(core):
        return core
    rest = math.prod(dim for dim in core if isinstance(dim, int))
    length, remainder = divmod(left, rest)
    if remainder or left < 0:
        raise ShapeError(
            f"A vector with {left} entries for it does not fill an array of shape {format_shape(core)}: {layout}"
        )
    return tuple(dim if isinstance(dim, int) else length for dim in core)
