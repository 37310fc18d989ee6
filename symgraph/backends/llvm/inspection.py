"""What the machine code of a Program looks like, and C functions of it for others to call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...program import Program
from .engine import Machine, load, to_assembly, to_object
from .kernel import KernelText
from .lanes import Lane, Unsupported
from .native import _only_kernel
from .partition import Kernel, partition
from .runtime import NativeKernel
from .symbols import address

__all__ = ["assembly", "c_functions", "llvm_text"]

_LARGEST_SCRATCH = 1 << 18  # bytes on the stack of a thread


def llvm_text(program: Program, contract: bool = True) -> str:
    """The kernels as LLVM's text, one after the other, for contiguous arrays of float64.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> "define void @kernel" in llvm_text(Program.of([x * x + 1])[0])
    True
    """
    return "\n".join([f"; {title}\n{text}" for title, text in _texts(program, contract)])


def assembly(program: Program, contract: bool = True) -> str:
    """The kernels in the assembly code of this processor, for contiguous arrays of float64."""
    return "\n".join([f"# {title}\n{to_assembly(text)}" for title, text in _texts(program, contract)])


def _texts(program: Program, contract: bool) -> list[tuple[str, str]]:
    kernels = [item for stage in partition(program) for item in stage if isinstance(item, Kernel)]
    result = []
    for place, kernel in enumerate(kernels, 1):
        outputs = ", ".join(f"v{number}" for number, _, _ in kernel.outputs)
        text = NativeKernel(kernel, program.constants, program.leaves, 1, contract).text().text
        result.append((f"kernel {place} of {len(kernels)}, to {outputs}", text))
    return result


def c_functions(program: Program, order: Sequence[int], contract: bool = True) -> Machine:
    """C functions that compute a program whose leaves and one output are doubles. Raises Unsupported for other programs.

    Args:
        program: what is computed.
        order: for each leaf the place of the argument that it is.
        contract: whether a product and a sum may be one instruction, rounded once.

    They are `double arguments(double, ..., double)`, `double array(int count, double *values)`, which is nan for another `count`, and
    `int filter(double *values, intptr_t count, double *result, void *)`, which is 0 then.

    >>> import ctypes
    >>> from symgraph import placeholder
    >>> x = placeholder(shape=())
    >>> machine = c_functions(Program.of([x * x + 1])[0], [0])
    >>> ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(machine.addresses["arguments"])(3.0)
    10.0
    """
    kernel, lines = _computation(program, order, contract)
    if kernel.scratch > _LARGEST_SCRATCH:
        raise Unsupported("a program that long")
    count = program.leaves
    places = range(count)
    text = [
        kernel.text,
        "define double @array(i32 %count, ptr %values) {",
        "entry:",
        *lines,
        f"%fits = icmp eq i32 %count, {count}",
        "br i1 %fits, label %compute, label %wrong",
        "wrong:",
        "ret double 0x7FF8000000000000",
        "compute:",
        *(["call void @kernel(ptr %pointers, ptr null, i64 0, i64 1, ptr %scratch)"] if kernel.text else []),
        "%value = load double, ptr %result",
        "ret double %value",
        "}",
        f"define double @arguments({', '.join(f'double %x{i}' for i in places)}) {{",
        f"%values = alloca double, i64 {max(count, 1)}",
        *[line for i in places for line in (_at(i), f"store double %x{i}, ptr %at{i}")],
        f"%value = call double @array(i32 {count}, ptr %values)",
        "ret double %value",
        "}",
        "define i32 @filter(ptr %values, i64 %count, ptr %result, ptr %data) {",
        f"%fits = icmp eq i64 %count, {count}",
        "br i1 %fits, label %compute, label %wrong",
        "wrong:",
        "ret i32 0",
        "compute:",
        f"%value = call double @array(i32 {count}, ptr %values)",
        "store double %value, ptr %result",
        "ret i32 1",
        "}",
        "",
    ]
    names = ["arguments", "array", "filter"]
    return load(to_object("\n".join(text)), names, {symbol: address(symbol) for symbol in kernel.symbols})


def _at(place: int) -> str:
    return f"%at{place} = getelementptr double, ptr %values, i64 {place}"


def _computation(program: Program, order: Sequence[int], contract: bool) -> tuple[KernelText, list[str]]:
    """The kernel, and the text that makes its operands of `%values`: it leaves the output in `%result`."""
    (output,) = program.outputs
    if not program.steps:
        return KernelText("", set(), 0), _given(program, order, output)
    kernel = _only_kernel(program)
    value = kernel.value(output, program)
    if not isinstance(value, Lane) or value.dtype != np.float64:
        raise Unsupported("a result other than a float")
    text = NativeKernel(kernel, program.constants, program.leaves, 1, contract).text(1)
    lines = [
        "%result = alloca double",
        f"%scratch = alloca i8, i64 {max(text.scratch, 1)}, align 64",
        f"%pointers = alloca ptr, i64 {len(kernel.inputs) + 1}",
    ]
    for place, (number, _) in enumerate(kernel.inputs):
        lines += [
            f"%in{place} = getelementptr double, ptr %values, i64 {order[number]}",
            f"%slot{place} = getelementptr ptr, ptr %pointers, i64 {place}",
            f"store ptr %in{place}, ptr %slot{place}",
        ]
    last = f"getelementptr ptr, ptr %pointers, i64 {len(kernel.inputs)}"
    return text, [*lines, f"%last = {last}", "store ptr %result, ptr %last"]


def _given(program: Program, order: Sequence[int], output: int) -> list[str]:
    """An output that is an argument or a constant."""
    if output < program.leaves:
        return [f"%result = getelementptr double, ptr %values, i64 {order[output]}"]
    value: Any = program.constants[output - program.leaves]
    if np.ndim(value) or isinstance(value, (bool, np.bool_)) or np.iscomplexobj(value):
        raise Unsupported("a result other than a float")
    (bits,) = np.array([value], np.float64).view(np.uint64)
    return ["%result = alloca double", f"store double 0x{int(bits):016X}, ptr %result"]
