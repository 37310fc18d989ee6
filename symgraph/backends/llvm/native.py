"""Native callables: Python functions of numbers that are machine code from the call to the result."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...program import Program
from .branches import with_branches
from .cpython import DATA, TYPE, addresses, builtin, layout_is_known
from .elementary import expanded
from .emission import Emission, contracted, jump, needed
from .engine import load, to_object
from .lanes import Lane, Unsupported
from .partition import Kernel, partition
from .parts import LONGEST, Parts
from .symbols import address

__all__ = ["native_callable", "try_native"]

_FLOAT64 = np.dtype(np.float64)
_ZERO = ("const", "double", 0)
_MOST_OUTPUTS = 2400
_MOST_SLOTS = 1 << 15  # words on the stack of a thread


def native_callable(
    program: Program,
    order: Sequence[int],
    form: Sequence[tuple[type, int] | None],
    otherwise: Callable[..., Any],
    plain: bool = False,
    contract: bool = True,
) -> Any:
    """A builtin function of floats that gives what `program` computes; every other call goes to `otherwise`.

    Args:
        program: what is computed, in one kernel; all its leaves are numbers.
        order: for each leaf the place of the argument that it is.
        form: how outputs are put together, in postfix order: None for an output, (list or tuple, length) for a container of what came last.
        otherwise: called with the same arguments where they are not as many floats as there should be.
        plain: whether numbers come out as Python floats; else as np.float64.
        contract: whether a product and a sum may be one instruction, rounded once.

    Raises Unsupported where the program is no single kernel, or where this Python keeps its numbers in another way than expected.
    """
    if not layout_is_known():
        raise Unsupported("this Python's objects")
    kernel = _only_kernel(program)
    outputs = [kernel.value(number, program) for number in program.outputs]
    if any(value.dtype != _FLOAT64 for value in outputs):
        raise Unsupported("results other than floats")
    text, symbols, objects = _text(program, kernel, outputs, order, form, plain, contract)
    objects["otherwise"] = otherwise
    places = {symbol: address(symbol) for symbol in symbols} | {name: id(thing) for name, thing in objects.items()}
    machine = load(to_object(text), ["native"], places | addresses(_PYTHON))
    return builtin("native", machine.addresses["native"], (machine, *objects.values()))


def try_native(*arguments: Any) -> Any:
    """`native_callable`, or None where there is none."""
    try:
        return native_callable(*arguments)
    except Unsupported:
        return None


def _only_kernel(program: Program) -> Kernel:
    if len(program.outputs) > _MOST_OUTPUTS:
        raise Unsupported("as many results")
    items = [item for stage in partition(program, of_arrays=False) for item in stage]
    if len(items) != 1 or not isinstance(items[0], Kernel):
        raise Unsupported("more than one kernel")
    kernel = items[0]
    inside = all(number < program.leaves and core == () for number, core in kernel.inputs)
    # (of numbers all batches are the same, which `kernel.equals` may ask for)
    if not inside or any(dtype != _FLOAT64 for dtype, _ in kernel.trace.inputs):
        raise Unsupported("arguments other than numbers")
    if kernel.totals:
        raise Unsupported("a reduction over axes that numbers do not have")
    return kernel


_PYTHON = {
    "PyFloat_FromDouble": "declare ptr @PyFloat_FromDouble(double)",
    "PyType_GenericAlloc": "declare ptr @PyType_GenericAlloc(ptr, i64)",
    "PyObject_CallNoArgs": "declare ptr @PyObject_CallNoArgs(ptr)",
    "PyObject_Vectorcall": "declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)",
    "PyList_New": "declare ptr @PyList_New(i64)",
    "PyTuple_New": "declare ptr @PyTuple_New(i64)",
    "PyList_SetItem": "declare i32 @PyList_SetItem(ptr, i64, ptr)",
    "PyTuple_SetItem": "declare i32 @PyTuple_SetItem(ptr, i64, ptr)",
    "Py_DecRef": "declare void @Py_DecRef(ptr)",
    "PyErr_Clear": "declare void @PyErr_Clear()",
}


def _text(
    program: Program,
    kernel: Kernel,
    values: Sequence[Any],
    order: Sequence[int],
    form: Sequence[tuple[type, int] | None],
    plain: bool,
    contract: bool,
) -> tuple[str, set[str], dict[str, Any]]:
    """The text, the C functions that it calls, and the Python objects that it names; it has no addresses, so it is the same in every process."""
    numbers = [[i for lane in _lanes(value) for i in lane.ids] for value in values]
    code, new = expanded(kernel.trace.code, [n for entries in numbers for n in entries])
    written = [new[n] for entries in numbers for n in entries]
    wanted = needed(code, written)
    body = Emission(code, 1)
    body.escape = "slow"  # where Python is needed it is called by what can also pass on errors
    for (number, _), (_, entries) in zip(kernel.inputs, kernel.trace.inputs, strict=True):
        leaf = new.get(entries[0], -1)
        if leaf >= 0:
            body.names[leaf] = f"%x{number}"
            body.lines += [
                f"%slot{number} = getelementptr ptr, ptr %args, i64 {order[number]}",
                f"%arg{number} = load ptr, ptr %slot{number}",
                f"%at{number} = getelementptr i8, ptr %arg{number}, i64 {DATA}",
                f"%x{number} = load double, ptr %at{number}",
            ]
    items = contracted(code, wanted, written) if contract else [(n, code.instructions[n]) for n in wanted]
    parts: Parts | None = None
    if len(items) <= LONGEST:
        body.run(with_branches(items, written))
    else:
        parts = Parts(body, items, written)
        if parts.slots > _MOST_SLOTS or any(symbol.startswith("python_") for symbol in parts.symbols):
            raise Unsupported("a program of this length")
    body.lines += jump("box")
    symbols = body.symbols | (parts.symbols if parts else set())
    # SciPy's functions set exceptions under its `errstate`: here they give values only
    forget = ["call void @PyErr_Clear()"] if any(symbol.startswith("scipy_") for symbol in symbols) else []
    body.lines += forget
    boxes = _Boxes(body, plain)
    objects = [boxes.box(value, [new[n] for n in entries]) for value, entries in zip(values, numbers, strict=True)]
    result = boxes.collect(objects, form)
    text = [
        *(parts.functions if parts else ()),
        "define ptr @native(ptr %self, ptr %args, i64 %nargs, ptr %kwnames) {",
        "entry:",
        *([f"%scratch = alloca double, i64 {parts.slots}"] if parts else ()),
        *_checked(program.leaves, forget),
        *body.lines,
        f"ret ptr {result}",
        *boxes.failures,
        "}",
        *{**body.declarations, **(parts.declarations if parts else {})}.values(),
        *_PYTHON.values(),
        *[f"@{name} = external global i8" for name in ("otherwise", *boxes.objects)],
        "",
    ]
    return "\n".join(text), symbols, boxes.objects


def _lanes(value: Any) -> list[Lane]:
    return [value] if isinstance(value, Lane) else list(value.entries.reshape(-1))


def _checked(count: int, first: list[str]) -> list[str]:
    """What stands between `entry:` and `fast:`, where there are as many arguments as there should be, and all are floats; otherwise runs `first`."""
    each = [
        "look:",
        "%i = phi i64 [ 0, %entry ], [ %next, %right ]",
        "%slot = getelementptr ptr, ptr %args, i64 %i",
        "%arg = load ptr, ptr %slot",
        f"%typeat = getelementptr i8, ptr %arg, i64 {TYPE}",
        "%type = load ptr, ptr %typeat",
        "%float = icmp eq ptr %type, @float",
        "%scalar = icmp eq ptr %type, @float64",
        "%either = or i1 %float, %scalar",
        "br i1 %either, label %right, label %slow",
        "right:",
        "%next = add i64 %i, 1",
        f"%more = icmp ult i64 %next, {count}",
        "br i1 %more, label %look, label %fast",
    ]
    return [
        f"%count = icmp eq i64 %nargs, {count}",
        "%plain = icmp eq ptr %kwnames, null",
        "%fits = and i1 %count, %plain",
        f"br i1 %fits, label {'%look' if count else '%fast'}, label %slow",
        *(each if count else ()),
        "slow:",
        *first,
        "%other = call ptr @PyObject_Vectorcall(ptr @otherwise, ptr %args, i64 %nargs, ptr %kwnames)",
        "ret ptr %other",
        "fast:",
    ]


class _Boxes:
    """Text that makes Python objects of values. What was made before a failure is given back.

    Attributes:
        objects: the Python objects that the text reads, by their names there; they must live as long as the code.
        failures: what is to be done where an object cannot be made.
    """

    def __init__(self, body: Emission, plain: bool) -> None:
        self._body, self._plain = body, plain
        self._made: list[str] = []
        self.objects: dict[str, Any] = {"float": float, "float64": np.float64}
        self.failures: list[str] = []

    def _new(self, call: str) -> str:
        """The object that a call gives."""
        name = f"%object{len(self._made)}"
        there, failed = f"made{len(self._made)}", f"failed{len(self._made)}"
        self._body.lines += [
            f"{name} = call ptr {call}",
            f"{name}null = icmp eq ptr {name}, null",
            f"br i1 {name}null, label %{failed}, label %{there}",
            f"{there}:",
        ]
        before = len(self._made) - 1  # what was made last is given back, then what was made before it
        given_back = [f"call void @Py_DecRef(ptr {self._made[-1]})", f"br label %failed{before}"] if self._made else []
        self.failures += [f"{failed}:", *(given_back or ["ret ptr null"])]
        self._made.append(name)
        return name

    def box(self, value: Any, numbers: Sequence[int]) -> str:
        operands = [self._body.names.get(n) or self._body.constant(n) for n in numbers]
        if isinstance(value, Lane):
            if self._plain:
                return self._new(f"@PyFloat_FromDouble(double {operands[0]})")
            name = self._new("@PyType_GenericAlloc(ptr @float64, i64 0)")
            self._body.lines += [
                f"{name}at = getelementptr i8, ptr {name}, i64 {DATA}",
                f"store double {operands[0]}, ptr {name}at",
            ]
            return name
        instructions = self._body.code.instructions
        zeros = {n for n in numbers if instructions[n] == _ZERO}
        kind = "zeros" if zeros else "empty"
        make = "_".join([kind, *map(str, value.shape)])
        self.objects.setdefault(make, functools.partial(getattr(np, kind), value.shape))
        name = self._new(f"@PyObject_CallNoArgs(ptr @{make})")
        self._body.lines += [
            f"{name}at = getelementptr i8, ptr {name}, i64 {DATA}",
            f"{name}data = load ptr, ptr {name}at",
        ]
        for place, (number, operand) in enumerate(zip(numbers, operands, strict=True)):
            if number in zeros:
                continue
            self._body.lines += [
                f"{name}e{place} = getelementptr double, ptr {name}data, i64 {place}",
                f"store double {operand}, ptr {name}e{place}",
            ]
        return name

    def collect(self, objects: Sequence[str], form: Sequence[tuple[type, int] | None]) -> str:
        """The outermost container. All are made before any of them is filled, which cannot fail: until then each object is given back by itself."""
        source, stack, filled = iter(objects), list[str](), list[str]()
        for step in form:
            if step is None:
                stack.append(next(source))
                continue
            kind, count = f"Py{step[0].__name__.title()}", step[1]
            name = self._new(f"@{kind}_New(i64 {count})")
            for place, item in enumerate(stack[len(stack) - count :]):
                filled.append(f"{name}s{place} = call i32 @{kind}_SetItem(ptr {name}, i64 {place}, ptr {item})")
            stack[len(stack) - count :] = [name]
        self._body.lines += filled
        return stack[0]
