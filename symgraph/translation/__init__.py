"""From SymPy expressions to nodes. `translator` walks, `rules` holds the table, the other modules fill it by subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ..errors import ArgumentError, UnsupportedExpressionError
from ..graph import Node, get_default_graph
from ..nodes import Variable, namesakes, placeholder
from ..structure import Structure
from . import (  # noqa: F401 (each fills the table of rules)
    arrays,
    calculus,
    derivatives,
    indexed,
    logic,
    matrices,
    matrix_functions,
    scalars,
    special,
    special_matrices,
)
from .components import as_components
from .rules import Value
from .trained import floats_as_variables
from .translator import Translator, brief

__all__ = ["Translation", "Translator", "Value", "as_expression", "brief", "occurring", "translate", "translate_all"]


@dataclass(frozen=True)
class Translation:
    """Expressions as nodes: `nodes[i]` gives values whose last axes are `shapes[i]`; `placeholders` are the inputs by their symbols."""

    nodes: tuple[Node, ...]
    shapes: tuple[tuple[Any, ...], ...]
    placeholders: dict[Any, placeholder]


def as_expression(value: Any) -> Any:
    """What users write in place of an expression, as a SymPy object: numbers, explicit matrices, NumPy arrays. Strings are refused.

    >>> as_expression(2), as_expression(sympy.Symbol("x"))
    (2, x)
    """
    if isinstance(value, (str, bytes)):
        raise UnsupportedExpressionError(
            f"{value!r} is a string, and is not executed. Make it an expression first, by a parser that you trust"
        )
    if isinstance(value, sympy.MatrixBase):
        return value.as_immutable()
    if not isinstance(value, sympy.Basic) and hasattr(value, "to_matrix"):  # a vector of sympy.physics.vector
        return as_components(value)
    if isinstance(value, np.ndarray):
        entries = [as_expression(entry) for entry in value.reshape(-1).tolist()]
        return sympy.ImmutableDenseNDimArray(entries, value.shape) if value.ndim else entries[0]
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return sympy.sympify(value)
    if not isinstance(value, (sympy.Basic, sympy.NDimArray)):
        raise UnsupportedExpressionError(f"{value!r} of type {type(value).__name__} is not a SymPy expression")
    return _hashed(value.as_immutable() if isinstance(value, sympy.NDimArray) else value)


def _hashed(expression: Any) -> Any:
    """`expression`, all parts of which have their hash then: SymPy hashes recursively, but each object only once."""
    try:
        hash(expression)
    except RecursionError:
        seen: set[int] = set()
        stack = [(expression, False)]
        while stack:
            part, finished = stack.pop()
            if finished:
                hash(part)
            elif id(part) not in seen:
                seen.add(id(part))
                stack.append((part, True))
                stack.extend((arg, False) for arg in part.args if isinstance(arg, sympy.Basic))
    return expression


def occurring(symbols: Iterable[Any], expression: Any) -> set[Any]:
    """Those symbols (or expressions that stand for an input) that are a part of an expression, however deep; shapes are parts too.

    >>> x, n = sympy.symbols("x n")
    >>> occurring([x, n], 2 * sympy.MatrixSymbol("A", n, n))
    {n}
    """
    wanted, found = set(symbols), set[Any]()
    for part in _parts(expression):
        if len(found) == len(wanted):
            break
        found.update({part} & wanted)
    return found


def _parts(expression: Any) -> Iterator[Any]:
    """All parts of an expression, however deep, itself included."""
    seen, stack = set[int](), [expression]
    while stack:
        part = stack.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            stack.extend(arg for arg in part.args if isinstance(arg, sympy.Basic))


def _check_bindings(bindings: Mapping[Any, Any], expressions: Sequence[Any]) -> None:
    """Refuse bindings of what is in none of the expressions: a variable would never be trained for a slip of the pen."""
    idle = set(bindings).difference(*[occurring(bindings, expression) for expression in expressions])
    if idle:
        names = ", ".join(sorted(map(brief, idle)))
        same = namesakes(idle, {part for e in expressions for part in _parts(e) if isinstance(part, sympy.Symbol)})
        raise ArgumentError(f"bindings has {names}, which is in none of the expressions: leave it out. {same}".rstrip())


def translate_all(
    expressions: Sequence[Any], known: Sequence[Any] = (), bindings: Mapping[Any, Any] | None = None, **options: Any
) -> Translation:
    """Translate expressions into the default graph.

    `known` are inputs, for which placeholders are made whether they occur or not. `options` are those of Translator.
    """
    expressions = [as_expression(e) for e in expressions]
    translator = Translator(get_default_graph(), bindings, within=expressions, **options)
    for symbol in known:
        if symbol not in translator.placeholders:
            translator.declare(symbol)
    values = [value.settled for value in translator.translate(expressions)]
    return Translation(tuple(v.node for v in values), tuple(v.shape for v in values), translator.placeholders)


def translate(expr: Any, bindings: Mapping[Any, Any] | None = None, trainable: str | None = None) -> Any:
    """Nodes of the default graph that compute a SymPy expression, or a nested list, tuple or dict of expressions.

    Args:
        expr: the expression (or structure).
        bindings: nodes, numbers or arrays for symbols. A symbol without one is the placeholder that the graph has for it, or a new one.
            Each must occur in the expression.
        trainable: "floats" makes a trainable variable of every Float of the expression, that starts with its value.

    Equal expressions give the same node. Raises UnsupportedExpressionError with all parts that have no numeric meaning,
    ArgumentError where bindings are for something that does not occur.

    >>> x = sympy.Symbol("x")
    >>> y = translate(x**2 + 1)
    >>> y is translate(x**2 + 1)
    True
    >>> from symgraph import Session
    >>> Session().run(y, {x: 3})
    np.float64(10.0)
    """
    graph = get_default_graph()
    bindings = dict(bindings or {})
    for node in bindings.values():
        if isinstance(node, Node):
            graph = node.graph
            break
    for key in bindings:
        if not isinstance(key, sympy.Basic):
            raise ArgumentError(f"bindings must be from SymPy symbols to nodes, but {key!r} is a {type(key).__name__}")
    present = {node.symbol: node for node in graph.placeholders if node.symbol is not None}
    structure = Structure(expr)
    expressions = [as_expression(leaf) for leaf in structure.leaves]
    _check_bindings(bindings, expressions)
    if trainable is not None:
        if trainable != "floats":
            raise ArgumentError(f"trainable must be 'floats' or None, not {trainable!r}")
        expressions, variables = floats_as_variables(expressions, graph)
        bindings.update(variables)
    with graph.as_default():
        translation = translate_all(expressions, bindings=bindings, present=present)
    bound = {symbol: node for symbol, node in bindings.items() if isinstance(node, Variable)}
    graph.expressions.update((node, (e, bound)) for node, e in zip(translation.nodes, expressions, strict=True))
    return structure.rebuild(translation.nodes)
