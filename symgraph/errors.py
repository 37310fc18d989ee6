"""Everything that symgraph raises on purpose.

Each class also derives from the built-in that a Python user would catch, so that `except ValueError` keeps working for those who have
never heard of this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy
from sympy.concrete.expr_with_limits import ExprWithLimits

__all__ = [
    "ArgumentError",
    "BoundError",
    "CheckpointError",
    "ClosedSessionError",
    "ConstantError",
    "ConvergenceError",
    "CycleError",
    "DimensionError",
    "FeedError",
    "FeedGraphError",
    "FeedTypeError",
    "FetchError",
    "GraphError",
    "GraphMismatchError",
    "GraphTooLargeError",
    "MissingFeedError",
    "NoMachineCodeError",
    "OutOfRangeError",
    "PrecisionWarning",
    "ShapeError",
    "SymgraphError",
    "UnboundSymbolError",
    "UnsupportedExpressionError",
]


class SymgraphError(Exception):
    """The root of all errors of this package.

    >>> issubclass(ShapeError, SymgraphError) and issubclass(ShapeError, ValueError)
    True
    """


class GraphError(SymgraphError, RuntimeError):
    """A graph cannot be changed in this way: it is finalized, or a class forgot to call `super().__init__`."""


class GraphMismatchError(SymgraphError, ValueError):
    """Nodes of two graphs meet where they must be of one."""


class GraphTooLargeError(GraphError, MemoryError):
    """A graph has more nodes than its `max_nodes` allows."""


class CycleError(GraphError, ValueError):
    """A node depends on itself. The message shows the loop."""


class ShapeError(SymgraphError, ValueError):
    """Shapes do not fit together. The message names each of them."""


class DimensionError(ShapeError):
    """One symbolic dimension is given two values, or one that its assumptions exclude."""


class UnsupportedExpressionError(SymgraphError, NotImplementedError, TypeError):
    """SymPy objects without a numeric meaning here. `parts` lists all of them, not only the first."""

    def __init__(self, message: str, parts: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.parts = parts


class UnboundSymbolError(SymgraphError, ValueError):
    """Free symbols of an expression that are not among the arguments. `symbols` lists them."""

    def __init__(self, message: str, symbols: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.symbols = symbols


class ArgumentError(SymgraphError, ValueError):
    """An argument list that cannot be one: duplicates, things that are not symbols, a cyclic structure."""


class OutOfRangeError(SymgraphError, IndexError):
    """An index of an array is negative, past the end of its axis, or no integer. The message names the array, the index and the length."""


class ConstantError(SymgraphError, OverflowError, ValueError):
    """A constant of an expression that no floating-point number stands for."""


class BoundError(SymgraphError, ValueError):
    """A bound of a sum or product is not an integer, or infinite where it must not be. The message names the value."""


class ConvergenceError(SymgraphError, ArithmeticError):
    """An infinite sum or an integral has no value that could be found. The message says what stood against it."""


class FeedError(SymgraphError, ValueError):
    """A fed value does not fit what it is fed to."""


class FeedTypeError(FeedError, TypeError):
    """A fed value, or a key of `feed_dict`, is of a kind that cannot be fed."""


class FeedGraphError(GraphMismatchError, FeedTypeError):
    """A key of `feed_dict` is a node of another graph than the session's."""


class MissingFeedError(FeedError):
    """Placeholders that the fetched nodes need were not fed. `placeholders` lists them."""

    def __init__(self, message: str, placeholders: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.placeholders = placeholders


class FetchError(SymgraphError, TypeError, ValueError):
    """Something that was asked for is not a node, a name of a node, or a SymPy expression."""


class ClosedSessionError(SymgraphError, RuntimeError):
    """A session was used after `close()`."""


class NoMachineCodeError(SymgraphError, NotImplementedError):
    """Machine code was asked for where there is none: on another backend, or for what a library computes."""


class CheckpointError(SymgraphError, ValueError):
    """A file of saved variables is not there, is damaged, or lacks some of them."""


class PrecisionWarning(UserWarning):
    """A constant loses all its digits in floating point (it rounds to zero)."""


def brief(expr: Any) -> str:
    """An expression in at most 100 characters, however large or deep it is."""
    try:
        text = printed(expr, [expr]) if _is_small(expr) else f"a large {type(expr).__name__}"
    except RecursionError:
        return f"a deep {type(expr).__name__}"
    except Exception:  # SymPy cannot print all that it can build: a message about something else must not fail for that
        return f"a {type(expr).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def printed(value: Any, parts: Iterable[Any]) -> str:
    """str(value), which consists of these expressions: with integrals and sums not in SymPy's order, for which it would compute constant ones."""
    unordered = any(hasattr(part, "has") and part.has(ExprWithLimits, sympy.Limit) for part in parts)
    return str(sympy.sstr(value, order="none") if unordered else value)


def _is_small(expr: Any) -> bool:
    stack, count = [expr], 0
    while stack and count < 500:
        stack.extend(getattr(stack.pop(), "args", ()))
        count += 1
    return count < 500
