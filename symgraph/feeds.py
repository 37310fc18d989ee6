"""From what users feed to the arrays that a program takes: conversion, and every check, before any work is done."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from .errors import DimensionError, FeedError, FeedTypeError, MissingFeedError, ShapeError, brief
from .graph import Node
from .nodes import Variable, as_dtype, namesakes, placeholder
from .shapes import accepts, format_shape

__all__ = [
    "Dimensions",
    "as_array",
    "batch_shape",
    "checked_keys",
    "converted",
    "describe",
    "feed_symbol",
    "feed_value",
    "missing_feed",
    "unknown_feed",
]


_MASKED = {np.ma.MaskedArray, type(np.ma.masked)}


def as_array(value: Any, name: str) -> Any:
    """`value` as an array (or a NumPy scalar) of numbers in native byte order, not copied where it is one. `name` is for messages."""
    if type(value) is np.ndarray and value.ndim and value.dtype.kind in "biufc" and value.dtype.isnative:
        return value
    if type(value) in (float, int, complex, bool) and not (type(value) is int and not -(2**63) <= value < 2**63):
        return np.asarray(value)[()]
    if isinstance(value, Node):
        raise FeedTypeError(
            f"{name}: The value of a feed cannot be a node. Acceptable are numbers, lists, and arrays; run the node first"
        )
    if value is None or isinstance(value, (str, bytes)):
        raise FeedTypeError(
            f"{name}: cannot be fed {value!r}, a {type(value).__name__}; feed a number, a list of numbers or an array"
        )
    if isinstance(value, np.ma.MaskedArray):
        raise FeedTypeError(
            f"{name}: a masked array cannot be fed, since its mask would be lost; fill it first, for instance .filled(np.nan)"
        )
    if isinstance(value, (list, tuple)) and not _MASKED.isdisjoint(map(type, value)):
        raise FeedTypeError(
            f"{name}: a list of masked arrays cannot be fed, since their masks would be lost; fill them first"
        )
    if isinstance(value, sympy.Basic) and not isinstance(value, (sympy.MatrixBase, sympy.NDimArray)):
        value = _sympy_number(value, name)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise FeedError(f"{name}: {error}") from None
    except TypeError as error:
        raise FeedTypeError(f"{name}: {error}") from None
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    if array.dtype.kind not in "biufc":
        raise FeedTypeError(
            f"{name}: an array of dtype {array.dtype} cannot be fed; allowed are bool, integer, float and complex dtypes"
        )
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return np.asarray(array) if array.ndim else array[()]


def _sympy_number(value: Any, name: str) -> Any:
    if value.is_number:
        return complex(value) if value.is_real is False else float(value)
    raise FeedTypeError(
        f"{name}: cannot be fed the SymPy expression {value}, which has free symbols {sorted(map(str, value.free_symbols))}"
    )


def _from_objects(array: Any, name: str) -> Any:
    """Python integers beyond 64 bits and SymPy numbers become floats; other objects (Fraction, Decimal, None, str, Node) are refused."""
    numbers = []
    for item in array.reshape(-1):
        if isinstance(item, sympy.Basic) and item.is_number:
            numbers.append(_sympy_number(item, name))
        elif isinstance(item, (int, float, complex, np.number)):
            try:
                numbers.append(item if isinstance(item, (complex, np.complexfloating)) else float(item))
            except OverflowError as error:
                raise FeedError(f"{name}: {error}") from None
        else:
            raise FeedTypeError(
                f"{name}: has an entry {item!r} of type {type(item).__name__}; allowed are numbers (bool, int, float, complex)"
            )
    return np.array(numbers, dtype=complex if any(isinstance(n, complex) for n in numbers) else float).reshape(
        array.shape
    )


def feed_value(node: Node, value: Any) -> Any:
    """`value` for a node of TensorFlow's door: of its dtype (a float is not cut down to an integer), in its shape."""
    array = as_array(value, node.name)
    dtype = node.dtype
    if dtype is not None and array.dtype != dtype:
        array = converted(array, dtype, node.name)
    if not accepts(node.shape, array.shape):
        what = "Variable" if isinstance(node, Variable) else "placeholder"
        raise ShapeError(
            f"Cannot feed value of shape {array.shape} for {what} {node.name!r}, which has shape {format_shape(node.shape)}"
        )
    return array


def converted(array: Any, dtype: Any, name: str) -> Any:
    """`array` in the dtype of the input `name`."""
    try:
        return as_dtype(array, dtype)
    except TypeError as error:
        raise FeedTypeError(f"{name}: {error}") from None
    except OverflowError as error:
        raise FeedError(f"{name}: {error}") from None


def feed_symbol(node: placeholder, value: Any, dtype: Any = None) -> Any:
    """`value` for a placeholder of a SymPy symbol: a number of floating-point dtype (see `float_dtype`), with any batch axes in front.

    A vector of length m is taken for an (m, 1) symbol.
    """
    array = as_array(value, node.name)
    wanted = float_dtype(array.dtype, dtype)
    if array.dtype != wanted:
        array = array.astype(wanted) if array.dtype.kind in "biu" else converted(array, wanted, node.name)
    core = node.core
    if not core:
        return array
    if len(core) == 2 and core[1] == 1 and array.ndim == 1:
        array = array[:, None]
    if array.ndim < len(core) or any(
        isinstance(n, int) and n != m for n, m in zip(core, array.shape[array.ndim - len(core) :], strict=True)
    ):
        hint = f", or {format_shape(core[:1])}" if len(core) == 2 and core[1] == 1 else ""
        raise ShapeError(
            f"Cannot feed value of shape {np.shape(value)} for {node.symbol}, which has shape {format_shape(core)}: "
            f"feed {format_shape(core)}{hint}, with any batch axes in front"
        )
    return array


def float_dtype(have: np.dtype[Any], wanted: Any = None) -> np.dtype[Any]:
    """The dtype in which a SymPy number is held: the feed's own if it is a float or complex, else float64; `wanted` overrides, but a complex
    feed stays complex.

    >>> float_dtype(np.dtype("int8")), float_dtype(np.dtype("complex128"), "float32")
    (dtype('float64'), dtype('complex64'))
    """
    if wanted is None:
        return have if have.kind in "fc" else np.dtype(np.float64)
    wanted = np.dtype(wanted)
    return np.result_type(wanted, np.complex64) if have.kind == "c" and wanted.kind != "c" else wanted


def batch_shape(names: Sequence[str], loops: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The common batch shape; ShapeError names every argument that has one.

    >>> batch_shape(["x", "y"], [(5, 1), (3,)])
    (5, 3)
    """
    try:
        return np.broadcast_shapes(*loops)
    except ValueError:
        listed = ", ".join(f"{name} {loop}" for name, loop in zip(names, loops, strict=True) if loop)
        raise ShapeError(f"The batch axes of the arguments do not broadcast: {listed}") from None


class Dimensions:
    """The values of symbolic dimensions, collected from the shapes of what is fed, each time checked against what is known.

    >>> n = sympy.Symbol("n")
    >>> dimensions = Dimensions()
    >>> dimensions.bind((n, 1), (3, 1), "x"); dimensions.lengths[n]
    3
    """

    def __init__(self) -> None:
        self.lengths: dict[Any, int] = {}
        self._from: dict[Any, str] = {}
        self._waiting: list[tuple[Any, int, str]] = []

    def bind(self, core: Sequence[Any], shape: Sequence[int], name: str) -> None:
        """Note that `shape` (whose last axes are the core) was fed to `name`."""
        for dim, length in zip(core, shape[len(shape) - len(core) :], strict=True):
            if isinstance(dim, int):
                continue
            if isinstance(dim, sympy.Symbol):
                self._set(dim, length, name)
            else:
                self._waiting.append((dim, length, name))

    def _set(self, symbol: Any, length: int, name: str) -> None:
        known = self.lengths.get(symbol)
        if known is not None and known != length:
            raise DimensionError(
                f"The dimension {symbol} is {known} from {self._from[symbol]} and {length} from {name}"
            )
        if (
            length < 0
            or (length == 0 and symbol.is_zero is False)
            or (length > 0 and symbol.is_positive is False)
            or symbol.is_integer is False
        ):
            raise DimensionError(f"The dimension {symbol} is {length} from {name}, which its assumptions exclude")
        self.lengths[symbol] = length
        self._from.setdefault(symbol, name)

    def check(self, scalars: Mapping[Any, Any] | None = None) -> None:
        """Settle dimensions that are expressions such as 2*n, and compare with dimensions fed as numbers (`scalars`)."""
        waiting = self._waiting
        while waiting:
            left = [entry for entry in waiting if not self._settle(*entry)]
            if len(left) == len(waiting):
                break  # what is left has two unknowns or more, of which no other shape tells anything
            waiting = left
        for symbol, value in (scalars or {}).items():
            if symbol in self.lengths and not np.all(np.asarray(value) == self.lengths[symbol]):
                raise DimensionError(
                    f"The dimension {symbol} is {self.lengths[symbol]} from {self._from[symbol]}, but {value} is fed for it"
                )

    def _settle(self, dim: Any, length: int, name: str) -> bool:
        """Solve a dimension for its one unknown, or compare it if it has none; False if it has more."""
        value = dim.subs(self.lengths)
        unknown = list(value.free_symbols)
        if len(unknown) > 1:
            return False
        if unknown:
            found = sympy.solve(value - length, unknown[0])
            if len(found) != 1 or not found[0].is_Integer:
                raise DimensionError(
                    f"The dimension {dim} is {length} from {name}, and no integer {unknown[0]} gives that"
                )
            self._set(unknown[0], int(found[0]), name)
        elif value != length:
            known = ", ".join(
                f"{s} = {self.lengths[s]} from {self._from[s]}" for s in dim.free_symbols if s in self.lengths
            )
            raise DimensionError(f"The dimension {dim} is {length} from {name}, but {value} with {known}")
        return True


# --- the keys


def checked_keys(feed_dict: Any) -> dict[Any, Any]:
    """The feeds as a dict of their own, all keys of a kind that can be one."""
    if feed_dict is None:
        return {}
    if not isinstance(feed_dict, Mapping):
        raise FeedTypeError(
            f"feed_dict must be a mapping from placeholders, names or symbols to values, not {feed_dict!r} of type {type(feed_dict).__name__}"
        )
    for key in feed_dict:
        if isinstance(key, (Node, str)):
            continue
        if not isinstance(key, sympy.Basic):
            raise FeedTypeError(
                f"Cannot interpret feed_dict key {key!r} of type {type(key).__name__}: use a node, its name, or a SymPy symbol"
            )
        if isinstance(key, (sympy.MatrixBase, sympy.NDimArray)) or not (
            key.is_symbol or key.free_symbols or key.is_Function
        ):
            raise FeedTypeError(f"Cannot interpret feed_dict key {brief(key)}: it stands for no input; feed symbols")
    return dict(feed_dict)


def describe(symbol: Any) -> str:
    """A symbol (or node) for messages, with the assumptions that tell it from others of its name."""
    if isinstance(symbol, Node):
        return repr(symbol)
    return sympy.srepr(symbol) if getattr(symbol, "_assumptions_orig", None) else str(symbol)  # entries c[0] have none


def missing_feed(missing: Sequence[Node], fed: Iterable[Any]) -> MissingFeedError:
    """The error for placeholders that are needed and not fed; `fed` are the nodes (and unknown keys) that are."""
    parts = []
    for node in missing:
        symbol = getattr(node, "symbol", None)
        dtype = f" with dtype {node.dtype}" if node.dtype is not None else ""
        of = f" (the symbol {describe(symbol)})" if symbol is not None else ""
        where = (
            f", defined at {node.origin[0]}, line {node.origin[1]}"
            if isinstance(node.origin, tuple) and symbol is None
            else ""
        )
        parts.append(f"You must feed a value for placeholder {node.name!r}{of}{dtype}{where}")
    fed = [item for item in fed if not isinstance(item, Variable)]
    names = ", ".join(sorted(repr(_title(item)) for item in fed)) or "nothing"
    same = namesakes(_symbols(missing), _symbols(fed))
    return MissingFeedError("; ".join(parts) + f". Fed: {names}" + (f". {same}" if same else ""), tuple(missing))


def unknown_feed(unknown: Sequence[Any], inputs: Iterable[Node]) -> FeedTypeError:
    """The error for symbols among the keys that occur nowhere; `inputs` are the placeholders that could be fed."""
    known = {_title(node): None for node in inputs}
    parts = []
    for symbol in unknown:
        close = difflib.get_close_matches(brief(symbol), known, 3)
        hint = f" Did you mean {', '.join(map(repr, close))}?" if close else ""
        parts.append(f"Cannot interpret feed_dict key {describe(symbol)}: it occurs in nothing that is run.{hint}")
    same = namesakes(unknown, _symbols(inputs))
    return FeedTypeError(" ".join([*parts, *([f"{same}."] if same else []), "Leave out what is not needed"]))


def _symbols(items: Iterable[Any]) -> list[Any]:
    """The symbols that placeholders stand for; a symbol itself is its own."""
    symbols = [getattr(item, "symbol", None) if isinstance(item, Node) else item for item in items]
    return [symbol for symbol in symbols if symbol is not None]


def _title(item: Any) -> str:
    return (
        str(item.name) if isinstance(item, Node) and getattr(item, "symbol", None) is None else brief(*_symbols([item]))
    )
