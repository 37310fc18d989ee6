"""Argument lists: what users may write for the arguments of a function, and how values are taken apart to fit it."""

from __future__ import annotations

import inspect
import keyword
from collections import Counter
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import ArraySymbol

from .errors import ArgumentError, FeedTypeError
from .feeds import as_array
from .structure import Structure

__all__ = ["Parameter", "argument_list", "check_arguments", "python_signature", "unique_names"]

_SYMBOLS = (
    sympy.Symbol,
    sympy.MatrixSymbol,
    sympy.IndexedBase,
    sympy.Idx,
    sympy.Indexed,
    ArraySymbol,
    MatrixElement,
    AppliedUndef,
    sympy.Function,
    sympy.Derivative,
)


class Parameter:
    """One argument: a symbol, or a nested list (or explicit matrix) of symbols."""

    def __init__(self, argument: Any, place: int, entries_first: bool = False) -> None:
        self._entries_first = entries_first
        self.argument = argument
        entries = argument.tolist() if isinstance(argument, sympy.MatrixBase) else argument
        self._matrix = argument.shape if isinstance(argument, sympy.MatrixBase) else None
        self._structure = Structure(entries)
        self.symbols = tuple(self._structure.leaves)
        self.is_plain = self._structure.is_leaf
        name = str(getattr(argument, "name", argument)) if self.is_plain else f"arg{place}"
        self.is_named = name.isidentifier() and not keyword.iskeyword(name)
        self.name = name

    def unpack(self, value: Any) -> Sequence[Any]:
        """The values for `symbols`, from one that has the argument's form."""
        if self.is_plain:
            return (value,)
        if self._matrix is not None:
            return self._entries(value)
        leaves: list[Any] = []
        stack = [(self._structure.rebuild(self.symbols), value)]
        while stack:
            form, given = stack.pop()
            if not isinstance(form, (list, tuple)):
                leaves.append(given)
                continue
            if not hasattr(given, "__len__") or isinstance(given, (str, bytes)) or len(given) != len(form):
                raise FeedTypeError(
                    f"The argument {form} needs a sequence of {len(form)} values, but {given!r} was given"
                )
            stack.extend(reversed(list(zip(form, given, strict=True))))
        return leaves

    def _entries(self, value: Any) -> Sequence[Any]:
        """The entries of an explicit matrix argument: a vector also as a sequence of its entries, each of which may be a batch."""
        assert self._matrix is not None
        rows, columns = self._matrix
        if isinstance(value, (list, tuple)) and 1 in (rows, columns) and len(value) == rows * columns:
            return [entry[0] if isinstance(entry, (list, tuple)) and len(entry) == 1 else entry for entry in value]
        array = as_array(value, self.name)
        if array.shape[-2:] == (rows, columns):
            return [array[..., i, j] for i in range(rows) for j in range(columns)]
        is_vector = 1 in (rows, columns) and array.ndim and array.shape[0] == rows * columns
        if is_vector and (array.ndim == 1 or self._entries_first):
            return list(array)
        raise FeedTypeError(
            f"The argument {self.argument} has shape {(rows, columns)}, but a value of shape {array.shape} was given"
        )


def argument_list(args: Any) -> list[Any]:
    if isinstance(args, (set, frozenset)):
        raise TypeError("args is a set, which has no order: use a list or a tuple")
    if isinstance(args, (str, bytes)):
        raise ArgumentError(f"args is the string {args!r}; use SymPy symbols, for instance sympy.symbols({args!r})")
    if isinstance(args, (list, tuple, sympy.Tuple)):
        return list(args)
    if isinstance(args, sympy.MatrixBase):
        return list(args.flat())
    if isinstance(args, sympy.Basic):
        return [args]
    if hasattr(args, "__iter__"):
        return list(args)
    raise ArgumentError(f"{args!r} is not an argument list: use a SymPy symbol or a list of them")


def check_arguments(symbols: Sequence[Any]) -> None:
    seen: set[Any] = set()
    for symbol in symbols:
        if not isinstance(symbol, _SYMBOLS) and not (isinstance(symbol, sympy.AtomicExpr) and symbol.is_symbol):
            raise ArgumentError(
                f"{symbol!r} cannot be an argument: use a Symbol, MatrixSymbol, IndexedBase, f(t), or a derivative of one"
            )
        if symbol in seen:
            raise ArgumentError(f"The argument {symbol} is given twice")
        seen.add(symbol)


def unique_names(parameters: Sequence[Parameter]) -> dict[str, int]:
    """The place of each argument that may be given by name. A name that several symbols have (they differ in assumptions) is not one of them."""
    counts = Counter(p.name for p in parameters)
    for parameter in parameters:
        parameter.is_named = parameter.is_named and counts[parameter.name] == 1
    return {p.name: i for i, p in enumerate(parameters) if p.is_named}


def python_signature(parameters: Sequence[Parameter]) -> inspect.Signature:
    """For `inspect.signature`. Arguments up to the last one without a name that Python can take are positional-only."""
    taken = {p.name for p in parameters if p.is_named}
    names = [p.name if p.is_named else _free(f"arg{i}", taken) for i, p in enumerate(parameters)]
    last = max((i for i, p in enumerate(parameters) if not p.is_named), default=-1)
    kinds = [
        inspect.Parameter.POSITIONAL_ONLY if i <= last else inspect.Parameter.POSITIONAL_OR_KEYWORD
        for i in range(len(names))
    ]
    return inspect.Signature([inspect.Parameter(name, kind) for name, kind in zip(names, kinds, strict=True)])


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"_{name}"
    return name
