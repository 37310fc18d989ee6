"""The native backend: a Program as machine code, made by LLVM.

Each operation's `compute` runs once on values that are instructions (`namespace`, `lanes`, `code`). The Program is cut into kernels and library
steps (`partition`), a kernel becomes LLVM's text (`emission`, `kernel`) and machine code (`engine`), and runs on arrays (`runtime`).
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...ops.functional import part
from ...ops.functional_sums import product_over, sum_over
from ...ops.state import group
from ...program import Program, Step
from .. import Runner
from ..numpy_like import bound, explain
from ..timing import times
from .array_calls import Direct
from .bodies import Terms
from .lanes import Unsupported
from .partition import Kernel, partition
from .runtime import BatchesDiffer, NativeKernel, Wanted
from .ways import taker

__all__ = ["compile_program"]

Task = Callable[[list[Any]], None]  # computes some values from others: both are in a list by their numbers


def compile_program(program: Program, threads: int | None = None, contract: bool = True) -> Runner:
    """A function from the leaves' values to the outputs, as lists.

    Args:
        program: what is computed.
        threads: how many threads large work may use; by default as many as there are processors. The results do not depend on it.
        contract: whether a product and a sum may be one instruction, rounded once.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> compile_program(Program.of([x * x + 1])[0])([np.array([2.0, 3.0])])
    [array([ 5., 10.])]
    """
    count = threads if threads is not None else os.cpu_count() or 1
    plans: dict[bool, Any] = {}  # made when they are needed: a Function that is called with numbers alone needs none
    constants, outputs, size = program.constants, program.outputs, program.size

    def run(values: Sequence[Any], offered: Sequence[Any] = ()) -> list[Any]:
        if False not in plans:  # batches that differed once will differ again
            try:
                return run_by(True, values, offered)
            except BatchesDiffer:
                pass
        return run_by(False, values, offered)

    def run_by(optimistic: bool, values: Sequence[Any], offered: Sequence[Any]) -> list[Any]:
        plan = plans.get(optimistic)
        if plan is None:
            plan = plans[optimistic] = _tasks(program, count, contract, optimistic)
        slots: list[Any] = [*values, *constants, *[None] * (size - len(values) - len(constants))]
        for number, array in zip(outputs, offered, strict=False):  # a kernel finds them where its results will be
            if slots[number] is None:
                slots[number] = array
        seconds = times.get()
        if seconds is None:
            _run(plan, slots)
        else:
            _run_timed(plan, slots, seconds)
        return [slots[i] for i in outputs]

    def direct(values: Sequence[Any]) -> Direct | None:
        """What runs for values such as these, with which `run` was called before; None where that is more than one kernel."""
        plan = plans.get(False) or plans[True]
        native = getattr(plan[0][0], "native", None) if len(plan) == 1 else None
        return None if native is None else _of_program(native, plan[0][2], program, values)

    run.takes_offers, run.direct = True, direct  # type: ignore[attr-defined]
    return run


def _of_program(native: NativeKernel, kernel: Kernel, program: Program, values: Sequence[Any]) -> Direct | None:
    """What runs, with the leaves and outputs of the program in place of those of its only kernel."""
    inputs, outputs = [number for number, _ in kernel.inputs], [number for number, _, _ in kernel.outputs]
    if any(number >= program.leaves for number in inputs) or len(set(inputs)) < len(inputs):
        return None
    wanted: list[Wanted] = []
    for number in program.outputs:
        if number in outputs:
            wanted.append(outputs.index(number))
        elif number in inputs:
            wanted.append(("input", inputs.index(number)))
        else:
            value = program.constants[number - program.leaves] if number >= program.leaves else None
            if type(value) not in (int, float):
                return None
            wanted.append(("constant", value))
    found = native.direct([values[number] for number in inputs], wanted)
    if found is None:
        return None
    return replace(found, leaves={inputs[i]: place for i, place in found.leaves.items()})


def _run(tasks: Sequence[tuple[Task, Sequence[int], Kernel | Step]], slots: list[Any]) -> None:
    with np.errstate(all="ignore"):
        for task, ends, _ in tasks:
            task(slots)
            for end in ends:
                slots[end] = None


def _run_timed(
    tasks: Sequence[tuple[Task, Sequence[int], Kernel | Step]], slots: list[Any], seconds: dict[str, float]
) -> None:
    for task, ends, item in tasks:
        start = time.perf_counter()
        _run([(task, ends, item)], slots)
        name = _name(item)
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start


def _name(item: Kernel | Step) -> str:
    if isinstance(item, Kernel):
        numbers = [f"v{number}" for number, _, _ in item.outputs]
        more = f" and {len(numbers) - 3} more" if len(numbers) > 4 else ""
        return f"kernel of {len(item.steps)} steps to {', '.join(numbers[: 3 if more else 4])}{more}"
    return f"{type(item.operation).__name__} to v{item.output}"


def _tasks(
    program: Program, threads: int, contract: bool, optimistic: bool
) -> list[tuple[Task, Sequence[int], Kernel | Step]]:
    """What is to be done, each with the numbers of the values that nothing needs after it."""
    items = [item for stage in partition(program, optimistic) for item in stage if not _is_nothing(item)]
    seen = {*program.outputs, *range(program.leaves + len(program.constants))}
    ends: list[list[int]] = []
    for item in reversed(items):
        if isinstance(item, Kernel):
            touched = [*[n for n, _ in item.inputs], *[n for n, _, _ in item.outputs]]
        else:
            touched = [*item.inputs, item.output]
        ends.append([n for n in dict.fromkeys(touched) if n not in seen])
        seen.update(touched)
    return [
        (_task(item, program, threads, contract), end, item) for item, end in zip(items, reversed(ends), strict=True)
    ]


def _is_nothing(item: Kernel | Step) -> bool:
    """Whether there is nothing to do but what comes before."""
    return isinstance(item, Step) and type(item.operation) is group


def _task(item: Kernel | Step, program: Program, threads: int, contract: bool) -> Task:
    if isinstance(item, Kernel):
        return _kernel_task(item, program, threads, contract)
    if isinstance(item.operation, (sum_over, product_over)):
        users = [step.operation for step in program.steps if item.output in step.inputs]
        parts = {user.index for user in users if isinstance(user, part)}
        whole = item.output in program.outputs or len(parts) < len(users)
        compiler = functools.partial(compile_program, threads=threads, contract=contract)
        return _step_task(item, Terms(item.operation, None if whole else parts, compiler))
    return _step_task(item)


def _step_task(step: Step, compute: Callable[..., Any] | None = None) -> Task:
    compute, take, output = compute or bound(step), taker(step.inputs), step.output

    def task(slots: list[Any]) -> None:
        try:
            slots[output] = compute(*take(slots))
        except Exception as error:
            explain(error, step, take(slots))
            raise

    return task


def _kernel_task(kernel: Kernel, program: Program, threads: int, contract: bool) -> Task:
    native = NativeKernel(kernel, program.constants, program.leaves, threads, contract)
    take, outputs = taker([number for number, _ in kernel.inputs]), [number for number, _, _ in kernel.outputs]
    offered = taker(outputs)

    def task(slots: list[Any]) -> None:
        try:
            results = native(take(slots), offered(slots))
        except BatchesDiffer:
            raise
        except (Unsupported, ValueError, MemoryError):  # what shapes are wrong, NumPy says with the operation's name
            for step, _ in kernel.steps:
                _step_task(step)(slots)
            return
        for output, result in zip(outputs, results, strict=True):
            slots[output] = result

    task.native = native  # type: ignore[attr-defined]
    return task
