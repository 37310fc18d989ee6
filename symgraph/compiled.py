"""Compiled parts of a graph: what a session keeps of what it has run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from . import backends
from .feeds import missing_feed
from .graph import Node
from .nodes import Variable, placeholder
from .ops.state import _Assignment
from .program import Program
from .specialization import adapting

__all__ = ["Compiled"]


class Compiled:
    """A Program with its runner, and the nodes that its leaves and its assignments stand for.

    Attributes:
        count: how many nodes are fetched.
        leaves: the nodes whose values go in.
        variables, fed: those of them that are variables, and placeholders.
        assigned: the variables that the run assigns to.
        run: from the values of the leaves to those of the fetched nodes, then the new ones of `assigned`.

    >>> x, v = placeholder(), Variable(1.0)
    >>> compiled = Compiled([x + v], frozenset(), backends.get("numpy"))
    >>> [type(leaf).__name__ for leaf in compiled.leaves], compiled.run([2.0, 1.0])
    (['placeholder', 'Variable'], [np.float64(3.0)])
    """

    def __init__(self, fetches: Sequence[Node], cuts: frozenset[Node], compiler: backends.Compiler) -> None:
        self.count = len(fetches)
        program, _ = Program.of(fetches, cuts)
        assignments = [s.operation for s in program.steps if isinstance(s.operation, _Assignment)]
        program, self.leaves = Program.of([*fetches, *assignments], cuts)
        self.variables = [leaf for leaf in self.leaves if isinstance(leaf, Variable)]
        self.assigned = [assignment.variable for assignment in assignments]
        self.fed = [leaf for leaf in self.leaves if isinstance(leaf, placeholder)]
        self.run = adapting(program, self.leaves, compiler)

    def check_feeds(self, fed: Collection[Node], unknown: Sequence[Any] = ()) -> None:
        """Raise MissingFeedError if a placeholder has no value; `unknown` are keys that stand for nothing."""
        missing = [node for node in self.fed if node not in fed and node.default is None]
        if missing:
            raise missing_feed(missing, [*fed, *unknown])
