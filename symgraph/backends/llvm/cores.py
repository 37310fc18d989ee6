"""Cores: the last axes of a value, whose entries are lanes of a row."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ...nodes import Operation
from ...ops.base import Elementwise, PureOperation
from ...program import Program

__all__ = ["LARGEST", "LARGEST_LEAF", "Core", "own_core", "picked", "reduced_lengths", "size_of"]

LARGEST = 64  # entries of a core that is computed in lanes
LARGEST_LEAF = 4096  # entries of a core that is read in lanes, of which few may be used
_LONGEST = 16  # entries of a last axis that is taken for a core because something is reduced over it

Core = tuple[int, ...]
"""The lengths of these axes."""


def reduced_lengths(program: Program) -> set[Any]:
    """The lengths of last axes, in arrays whose number of axes is known, that are cores: those over which something is reduced, and 1 with them."""
    lengths: set[Any] = set()
    for step in program.steps:
        operation = step.operation
        if operation.takes_xp and getattr(operation, "axis", None) == (-1,):
            shape = operation.input_nodes[0].spec.shape
            if shape and ... not in shape and isinstance(shape[-1], int) and shape[-1] <= _LONGEST:
                lengths |= {shape[-1], 1}
    return lengths


def picked(program: Program) -> set[int]:
    """The values that only are moved, and of which then others read single entries, so that no array of them is needed."""
    found: set[int] = set()
    whole = set(program.outputs)  # values that are needed as arrays
    for step in reversed(program.steps):
        operation = step.operation
        if not isinstance(operation, PureOperation) or not operation.takes_xp:
            whole.update(step.inputs)
        elif operation.moves and step.output not in whole:
            found.add(step.output)
        elif isinstance(operation, Elementwise) or not operation.rowwise or size_of([own_core(operation)]) > LARGEST:
            whole.update(step.inputs)
    return found


def size_of(cores: Sequence[Core | None]) -> int:
    """How many entries cores have, broadcast against each other."""
    known = {core for core in cores if core}
    sizes = [max(lengths) for lengths in itertools.zip_longest(*[core[::-1] for core in known], fillvalue=1)]
    return math.prod(sizes)


def own_core(operation: Operation) -> Core:
    """The lengths that are known of a value's last axes."""
    return tuple(length for length in operation.spec.shape if isinstance(length, int))
