"""From nodes back to SymPy, with the values that variables have in a session."""

from __future__ import annotations

from typing import Any

from .errors import ArgumentError
from .graph import Node
from .nodes import Constant, Variable, placeholder
from .session import Session, get_default_session
from .translation.trained import as_sympy, replaced

__all__ = ["to_sympy"]


def to_sympy(node: Node, session: Session | None = None) -> Any:
    """The SymPy expression that a node was translated from, with the session's values in place of its variables.

    Args:
        node: what `translate` gave, or a variable, placeholder of a symbol, or constant.
        session: where the variables have their values; the default session if None, or their initial values where there is none.

    Raises ArgumentError for a node that was not translated from SymPy.

    >>> import sympy
    >>> from symgraph import translate
    >>> a, x = sympy.symbols("a x")
    >>> to_sympy(translate(sympy.exp(a * x), {a: Variable(0.5)}))
    exp(0.5*x)
    """
    if not isinstance(node, Node):
        raise TypeError(f"to_sympy takes a node, not {node!r} of type {type(node).__name__}")
    if session is None:
        session = get_default_session()
    if session is None or (session.graph is not node.graph):
        session = Session(node.graph)
    if node in node.graph.expressions:
        expression, bound = node.graph.expressions[node]
        values = {s: as_sympy(v, s) for s, v in zip(bound, session.run(list(bound.values())), strict=True)}
        return replaced(expression, values.get)
    if isinstance(node, (Variable, Constant)):
        return as_sympy(session.run(node))
    if isinstance(node, placeholder) and node.symbol is not None:
        return node.symbol
    raise ArgumentError(
        f"{node!r} was not translated from SymPy: only what symgraph.translate gave can be turned back into an expression"
    )
