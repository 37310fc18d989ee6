"""The native backend: a Program as machine code, made by LLVM.

Each operation's `compute` runs once on values that are instructions (`namespace`, `lanes`, `code`). The Program is cut into kernels and library
steps (`partition`), a kernel becomes LLVM's text (`emission`, `kernel`) and machine code (`engine`), and runs on arrays (`runtime`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...program import Program, Step
from .. import Runner
from ..numpy_like import bound, explain
from .lanes import Unsupported
from .partition import Kernel, partition
from .runtime import BatchesDiffer, NativeKernel

__all__ = ["compile_program"]

Task = Callable[[list[Any]], None]  # computes some values from others: both are in a list by their numbers


def compile_program(program: Program, threads: int | None = None) -> Runner:
    """A function from the leaves' values to the outputs, as lists.

    Args:
        program: what is computed.
        threads: how many threads large work may use; by default as many as there are processors. The results do not depend on it.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> compile_program(Program.of([x * x + 1])[0])([np.array([2.0, 3.0])])
    [array([ 5., 10.])]
    """
    count = threads if threads is not None else os.cpu_count() or 1
    plans: dict[bool, Any] = {}  # made when they are needed: a Function that is called with numbers alone needs none
    constants, outputs, size = program.constants, program.outputs, program.size

    def run(values: Sequence[Any]) -> list[Any]:
        try:
            return run_by(True, values)
        except BatchesDiffer:
            return run_by(False, values)

    def run_by(optimistic: bool, values: Sequence[Any]) -> list[Any]:
        plan = plans.get(optimistic)
        if plan is None:
            plan = plans[optimistic] = _tasks(program, count, optimistic)
        slots: list[Any] = [*values, *constants, *[None] * (size - len(values) - len(constants))]
        _run(plan, slots)
        return [slots[i] for i in outputs]

    return run


def _run(tasks: Sequence[tuple[Task, Sequence[int]]], slots: list[Any]) -> None:
    with np.errstate(all="ignore"):
        for task, ends in tasks:
            task(slots)
            for end in ends:
                slots[end] = None


def _tasks(program: Program, threads: int, optimistic: bool) -> list[tuple[Task, Sequence[int]]]:
    """What is to be done, each with the numbers of the values that nothing needs after it."""
    items = [item for stage in partition(program, optimistic) for item in stage]
    seen = {*program.outputs, *range(program.leaves + len(program.constants))}
    ends: list[list[int]] = []
    for item in reversed(items):
        if isinstance(item, Kernel):
            touched = [*[n for n, _ in item.inputs], *[n for n, _, _ in item.outputs]]
        else:
            touched = [*item.inputs, item.output]
        ends.append([n for n in dict.fromkeys(touched) if n not in seen])
        seen.update(touched)
    return [(_task(item, program, threads), end) for item, end in zip(items, reversed(ends), strict=True)]


def _task(item: Kernel | Step, program: Program, threads: int) -> Task:
    return _kernel_task(item, program, threads) if isinstance(item, Kernel) else _step_task(item)


def _step_task(step: Step) -> Task:
    compute, inputs, output = bound(step), step.inputs, step.output

    def task(slots: list[Any]) -> None:
        try:
            slots[output] = compute(*[slots[i] for i in inputs])
        except Exception as error:
            explain(error, step, [slots[i] for i in inputs])
            raise

    return task


def _kernel_task(kernel: Kernel, program: Program, threads: int) -> Task:
    native = NativeKernel(kernel, program.constants, program.leaves, threads)
    inputs, outputs = [number for number, _ in kernel.inputs], [number for number, _, _ in kernel.outputs]
    steps = [_step_task(step) for step, _ in kernel.steps]

    def task(slots: list[Any]) -> None:
        try:
            results = native([slots[i] for i in inputs])
        except BatchesDiffer:
            raise
        except (Unsupported, ValueError, MemoryError):  # what shapes are wrong, NumPy says with the operation's name
            for step in steps:
                step(slots)
            return
        for output, result in zip(outputs, results, strict=True):
            slots[output] = result

    return task
