"""The reference backend: each step is a call of the operation's `compute` on NumPy arrays.

Operations are written against an array namespace, so the same loop runs on another one that has NumPy's functions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import brief
from ..nodes import Operation
from ..ops.base import Elementwise
from ..program import Program, Step
from . import Runner
from .timing import times

__all__ = ["bound", "compile_program", "explain"]

_PACKAGE = f"{__name__.partition('.')[0]}."


def _foreign_compute(operation: Operation, *values: Any) -> Any:
    """A user's `compute`: it gets arrays that it cannot write to, may return a list, and may keep the array that it returns."""
    arrays = []
    for value in values:
        array = np.asarray(value).view() if not isinstance(value, np.generic) else value
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
        arrays.append(array)
    result = operation.compute(*arrays)
    if result is None and operation.has_value:
        raise TypeError(
            f"compute of the class {type(operation).__name__} gave None: has it a return? (has_value = False says that None is meant)"
        )
    return result if result is None else np.asarray(result).view()  # a view is copied before it goes to the user


def bound(step: Step, xp: Any = np) -> Callable[..., Any]:
    """What computes the step, given its inputs' values."""
    operation = step.operation
    if not operation.takes_xp or (xp is np and not type(operation).__module__.startswith(_PACKAGE)):
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
        (bound(step, xp), step.inputs, step.output, ends)
        for step, ends in zip(program.steps, program.last_uses(), strict=True)
    ]
    first = program.leaves + len(program.constants)
    outputs, steps, constants = program.outputs, program.steps, program.constants

    def run(values: Sequence[Any]) -> list[Any]:
        slots: list[Any] = [*values, *constants, *[None] * len(code)]
        output = first
        seconds = times.get()
        work = code if seconds is None else [(_timed(c, steps[o - first], seconds), i, o, e) for c, i, o, e in code]
        with np.errstate(all="ignore"):
            try:
                for compute, inputs, output, ends in work:
                    slots[output] = compute(*[slots[i] for i in inputs])
                    for end in ends:
                        slots[end] = None
            except Exception as error:
                explain(error, steps[output - first], [slots[i] for i in steps[output - first].inputs])
                raise
        return [slots[i] for i in outputs]

    return _in_blocks(run) if xp is np and _is_elementwise(program) else run


def _timed(compute: Callable[..., Any], step: Step, seconds: dict[str, float]) -> Callable[..., Any]:
    """`compute`, which notes how long it takes."""
    name = f"{type(step.operation).__name__} to v{step.output}"

    def timed(*values: Any) -> Any:
        start = time.perf_counter()
        result = compute(*values)
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
        return result

    return timed


_BLOCK = 16_384  # entries: a few intermediates of float64 stay in a second-level cache


def _is_elementwise(program: Program) -> bool:
    """Whether every entry of the outputs depends on the same entry of the leaves alone."""
    operations = [step.operation for step in program.steps]
    scalars = all(np.ndim(value) == 0 for value in program.constants)
    return bool(operations) and scalars and all(isinstance(op, Elementwise) and op.takes_xp for op in operations)


def _in_blocks(run: Runner) -> Runner:
    """`run`, with large arrays cut into blocks, so that intermediate results stay in the cache and memory does not grow with the program."""

    def run_blocks(values: Sequence[Any]) -> list[Any]:
        shapes = {value.shape for value in values if isinstance(value, np.ndarray) and value.ndim}
        shape = next(iter(shapes), ())
        size = math.prod(shape)
        if len(shapes) != 1 or size < 2 * _BLOCK:
            return run(values)
        flat = [value.reshape(-1) if np.ndim(value) else value for value in values]
        results: list[Any] = []
        for start in range(0, size, _BLOCK):
            part = slice(start, start + _BLOCK)
            pieces = run([value[part] if np.ndim(value) else value for value in flat])
            if not results:
                results = [np.empty(shape, piece.dtype) if np.ndim(piece) else piece for piece in pieces]
            for result, piece in zip(results, pieces, strict=True):
                if np.ndim(piece):
                    result.reshape(-1)[part] = piece
        return results

    return run_blocks


def explain(error: Exception, step: Step, values: Sequence[Any]) -> None:
    """Note on an error in which operation it arose, and of which shapes."""
    operation = step.operation
    shapes = ", ".join(
        f"{node.name} {np.shape(value)}" for node, value in zip(operation.input_nodes, values, strict=True)
    )
    origin = operation.origin
    where = f"{origin[0]}, line {origin[1]}" if isinstance(origin, tuple) else f"the SymPy expression {brief(origin)}"
    error.add_note(f"in the operation {operation.name!r} ({type(operation).__name__}) of {shapes}\nbuilt by {where}")
    if isinstance(error, ValueError) and "read-only" in str(error):
        error.add_note("A `compute` must not write to the values that it gets: they are others' too. Copy them first")
