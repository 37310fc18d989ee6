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
    tasks = _tasks(program, count, optimistic=True)
    others: list[list[Task]] = []
    constants, outputs, size = program.constants, program.outputs, program.size

    def run(values: Sequence[Any]) -> list[Any]:
        slots: list[Any] = [*values, *constants, *[None] * (size - len(values) - len(constants))]
        with np.errstate(all="ignore"):
            try:
                for task in tasks:
                    task(slots)
            except BatchesDiffer:
                if not others:
                    others.append(_tasks(program, count, optimistic=False))
                for task in others[0]:
                    task(slots)
        return [slots[i] for i in outputs]

    return run


def _tasks(program: Program, threads: int, optimistic: bool) -> list[Task]:
    return [_task(item, program, threads) for stage in partition(program, optimistic) for item in stage]


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
        except Unsupported:
            for step in steps:
                step(slots)
            return
        for output, result in zip(outputs, results, strict=True):
            slots[output] = result

    return task
