"""The reference backend: each step is a call of the operation's `compute` on NumPy arrays.

Operations are written against an array namespace, so the same loop runs on another one that has NumPy's functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import brief
from ..nodes import Operation
from ..program import Program, Step
from . import Runner

__all__ = ["compile_program"]


def _foreign_compute(operation: Operation, *values: Any) -> Any:
    """A user's `compute` without `xp`: it gets arrays that it cannot write to, and may return a list."""
    arrays = []
    for value in values:
        array = np.asarray(value).view() if not isinstance(value, np.generic) else value
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
        arrays.append(array)
    result = operation.compute(*arrays)
    return result if result is None else np.asarray(result)


def _bound(step: Step, xp: Any) -> Callable[..., Any]:
    operation = step.operation
    if not operation.takes_xp:
        return partial(_foreign_compute, operation)
    return operation.compute if xp is np else partial(operation.compute, xp=xp)


def compile_program(program: Program, xp: Any = np) -> Runner:
    """A function from the leaves' values to the outputs, as lists.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> compile_program(Program.of([x + 1])[0])([2.0])
    [np.float64(3.0)]
    """
    code = [
        (_bound(step, xp), step.inputs, step.output, ends)
        for step, ends in zip(program.steps, program.last_uses(), strict=True)
    ]
    first = program.leaves + len(program.constants)
    outputs, steps, constants = program.outputs, program.steps, program.constants

    def run(values: Sequence[Any]) -> list[Any]:
        slots: list[Any] = [*values, *constants, *[None] * len(code)]
        output = first
        with np.errstate(all="ignore"):
            try:
                for compute, inputs, output, ends in code:
                    slots[output] = compute(*[slots[i] for i in inputs])
                    for end in ends:
                        slots[end] = None
            except Exception as error:
                _explain(error, steps[output - first], [slots[i] for i in steps[output - first].inputs])
                raise
        return [slots[i] for i in outputs]

    return run


def _explain(error: Exception, step: Step, values: Sequence[Any]) -> None:
    operation = step.operation
    shapes = ", ".join(
        f"{node.name} {np.shape(value)}" for node, value in zip(operation.input_nodes, values, strict=True)
    )
    origin = operation.origin
    where = f"{origin[0]}, line {origin[1]}" if isinstance(origin, tuple) else f"the SymPy expression {brief(origin)}"
    error.add_note(f"in the operation {operation.name!r} ({type(operation).__name__}) of {shapes}\nbuilt by {where}")
