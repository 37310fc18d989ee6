"""Expressions with variables in them: numbers that become variables, and variables that become numbers again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy

from ..graph import Graph
from ..nodes import Variable

__all__ = ["as_sympy", "floats_as_variables", "replaced"]


def replaced(expression: Any, replace: Callable[[Any], Any]) -> Any:
    """An expression whose parts are replaced by what `replace` gives for them, where that is not None.

    >>> x, y = sympy.symbols("x y")
    >>> replaced(sympy.sin(x) + x, lambda part: y if part == x else None)
    y + sin(y)
    """
    order = _bottom_up(expression)
    try:
        return _rebuilt(order, replace)
    except RecursionError:  # so deep that SymPy cannot simplify it
        with sympy.evaluate(False):
            return _rebuilt(order, replace)


def _rebuilt(order: Sequence[Any], replace: Callable[[Any], Any]) -> Any:
    new: dict[int, Any] = {}
    for part in order:
        found = replace(part)
        if found is None:
            found = _with_args(part, [new.get(id(arg), arg) for arg in part.args])
        new[id(part)] = found
    return new[id(order[-1])]


def floats_as_variables(expressions: Sequence[Any], graph: Graph) -> tuple[list[Any], dict[Any, Variable]]:
    """The expressions with a new symbol for each Float, and a trainable variable for each of these symbols, which starts at the Float.

    Floats at different places are different variables, but equal parts of the expressions stay equal.

    >>> x = sympy.Symbol("x")
    >>> (line,), variables = floats_as_variables([2.5 * x + 1.0], Graph())
    >>> sorted(float(variable.initial_value) for variable in variables.values())
    [1.0, 2.5]
    """
    variables: dict[Any, Variable] = {}
    new: dict[Any, Any] = {}

    def variable_for(value: Any) -> Any:
        symbol = sympy.Dummy(f"c{len(variables)}", real=True)
        with graph.as_default():
            variables[symbol] = Variable(float(value), name=symbol.name)
        return symbol

    def of(part: Any) -> Any:
        return variable_for(part) if isinstance(part, sympy.Float) else new.get(part, part)

    with sympy.evaluate(False):  # the expressions are what they were, only without their Floats
        for root in expressions:
            for part in _bottom_up(root):
                if part.args and part not in new:
                    new[part] = _with_args(part, [of(arg) for arg in part.args])
    return [of(root) for root in expressions], variables


def _with_args(part: Any, args: Sequence[Any]) -> Any:
    return part if all(a is b for a, b in zip(args, part.args, strict=True)) else part.func(*args)


def _bottom_up(root: Any) -> list[Any]:
    """All parts of an expression, each object once and after its arguments."""
    order: list[Any] = []
    seen: set[int] = set()
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        part, finished = stack.pop()
        if finished:
            order.append(part)
        elif id(part) not in seen:
            seen.add(id(part))
            stack.append((part, True))
            stack.extend((arg, False) for arg in reversed(part.args) if isinstance(arg, sympy.Basic))
    return order


def as_sympy(value: Any, symbol: Any = None) -> Any:
    """A number or an array as SymPy writes it; an explicit matrix in place of a MatrixSymbol, else an array.

    >>> as_sympy(np.array([1.0, 2.0]), sympy.MatrixSymbol("v", 2, 1))
    Matrix([
    [1.0],
    [2.0]])
    """
    array = np.asarray(value)
    entries = [sympy.sympify(entry) for entry in array.reshape(-1).tolist()]
    if array.ndim == 0:
        return entries[0]
    if isinstance(symbol, sympy.MatrixSymbol):
        rows, columns = array.shape if array.ndim == 2 else (array.size, 1)
        return sympy.ImmutableDenseMatrix(rows, columns, entries)
    return sympy.ImmutableDenseNDimArray(entries, array.shape)
