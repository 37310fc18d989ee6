"""A Program is a part of a graph as straight-line code: the only form that reaches a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .graph import Node, postorder
from .nodes import Constant, Operation, Variable
from .ops.state import _Assignment

__all__ = ["Program", "Step"]


class Step(NamedTuple):
    """One operation: the numbers of the values that it reads, and of the one that it makes."""

    operation: Operation
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True)
class Program:
    """Straight-line code over numbered values: first the leaves, then the constants, then one value for each step.

    Attributes:
        leaves: how many values go in.
        constants: the values numbered from `leaves` on.
        steps: in an order in which each step's inputs are there.
        outputs: the numbers of the values that come out.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> program, leaves = Program.of([x * 2 + 1])
    >>> print(program)
    v0 = leaf
    v1 = 2
    v2 = 1
    v3 = multiply(v0, v1)
    v4 = add(v3, v2)
    return v4
    """

    leaves: int
    constants: tuple[Any, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @classmethod
    def of(cls, outputs: Sequence[Node], cuts: Iterable[Node] = ()) -> tuple[Program, tuple[Node, ...]]:
        """The Program that computes `outputs`, and the nodes whose values it takes.

        These are the placeholders and variables that are needed, and any node among `cuts` (whose own inputs are not needed then).
        Control dependencies and the order of assignments to a variable are part of the code.
        """
        cut = set(cuts)
        order, reads = _in_order(outputs, cut)
        leaves: list[Node] = []
        constants: list[Constant] = []
        operations: list[Operation] = []
        for node in order:
            if node in cut:
                leaves.append(node)
            elif isinstance(node, Operation):
                operations.append(node)
            elif isinstance(node, Constant):
                constants.append(node)
            else:
                leaves.append(node)
        number = {node: i for i, node in enumerate([*leaves, *constants, *operations])}
        steps = tuple([Step(node, tuple([number[s] for s in reads(node)]), number[node]) for node in operations])
        program = cls(
            len(leaves), tuple(node.value for node in constants), steps, tuple(number[node] for node in outputs)
        )
        return program, tuple(leaves)

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.leaves + len(self.constants) + len(self.steps)

    def last_uses(self) -> list[tuple[int, ...]]:
        """For each step, the numbers of the values that nothing needs after it."""
        seen = set(self.outputs) | set(range(self.leaves + len(self.constants)))
        result: list[tuple[int, ...]] = []
        for step in reversed(self.steps):
            ends = {i for i in (*step.inputs, step.output) if i not in seen}
            seen |= ends
            result.append(tuple(ends))
        return result[::-1]

    def __str__(self) -> str:
        lines = [f"v{i} = leaf" for i in range(self.leaves)]
        lines += [f"v{i} = {_short(value)}" for i, value in enumerate(self.constants, self.leaves)]
        for step in self.steps:
            attributes = [f"{name}={getattr(step.operation, name)!r}" for name in step.operation.attributes]
            lines.append(
                f"v{step.output} = {type(step.operation).__name__}({', '.join([*(f'v{i}' for i in step.inputs), *attributes])})"
            )
        return "\n".join([*lines, f"return {', '.join(f'v{i}' for i in self.outputs)}"])


def _short(value: Any) -> str:
    shape = getattr(value, "shape", ())
    return repr(value) if not shape else f"array of shape {shape}"


def _in_order(outputs: Sequence[Node], cut: set[Node]) -> tuple[list[Node], Callable[[Node], Sequence[Node]]]:
    """All nodes that are needed, in order, and for each operation the nodes whose values it reads.

    Where operations under control dependencies read a variable, they read the node that was assigned to it last before them.
    """

    def needed(node: Node) -> Sequence[Node]:
        if node in cut:
            return ()
        return [*node.control_inputs, *node.input_nodes] if node.control_inputs else node.input_nodes

    order = postorder(outputs, needed)
    assignments: dict[Variable, list[_Assignment]] = {}
    for node in order:
        if isinstance(node, _Assignment) and node not in cut:
            assignments.setdefault(node.variable, []).append(node)
    if not assignments:
        return order, lambda node: node.input_nodes
    previous: dict[Node, Node] = {}
    for same in assignments.values():
        same.sort(key=lambda node: node.serial)
        previous.update(zip(same[1:], same[:-1], strict=False))
    order = postorder(
        outputs, lambda node: [*needed(node), *([previous[node]] if node in previous and node not in cut else [])]
    )
    state: dict[Node, dict[Node, Node]] = {}  # the last assignment to each variable, of those before a node and its own
    reads: dict[Node, Sequence[Node]] = {}
    for node in order:
        earlier = [*node.control_inputs, *([previous[node]] if node in previous else [])]
        before = _latest([state[source] for source in earlier if source in state])
        reads[node] = [before.get(source, source) for source in node.input_nodes]
        after = _latest([before, *(state[source] for source in node.input_nodes if source in state)])
        if isinstance(node, _Assignment):
            after[node.variable] = node
        if after:
            state[node] = after
    return order, lambda node: reads[node]


def _latest(states: Sequence[dict[Node, Node]]) -> dict[Node, Node]:
    """For each variable the assignment that takes effect last, which is the one that was built last."""
    result: dict[Node, Node] = {}
    for state in states:
        for variable, node in state.items():
            if variable not in result or result[variable].serial < node.serial:
                result[variable] = node
    return result
