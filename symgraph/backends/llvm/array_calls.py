"""Calls on arrays that no Python takes part in: a builtin function, which knows the kernels for arguments of kinds that it has seen.

A builtin has a table: how many arguments it has, how many outputs, PyList_New or PyTuple_New if they come in one of these, what all other
calls go to, and the first entry. An entry is for arguments of certain kinds; it has the next entry, the kernel, its width, the least and the
most rows that it is for, the bytes of scratch memory, the instructions of a row, the threads, and a spec for each argument and output. A spec
has the dtype (null: a float), the rank and the lengths of the core, whether there are batch axes, and which of the kernel's operands it is
(-1: none).

What is read of Python's objects lies where CPython and NumPy have it in memory, which both promise to compiled extensions; `cpython`
looks whether it is so.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cpython import (
    BYTES,
    CONTIGUOUS,
    DATA,
    DTYPE,
    FLAGS,
    LENGTHS,
    RANK,
    TUPLE,
    TYPE,
    addresses,
    builtin,
    layout_is_known,
)
from .engine import Machine, load, once, to_object
from .rows import rows, words

__all__ = ["ArrayCalls", "Direct"]

_ENTRY, _SPEC = 8, 5  # words of an entry before its specs, and of a spec
_KEPT = 1 << 24  # bytes
_ARRAY_TYPE, _EMPTY = 2, 184  # in NumPy's table for extensions: PyArray_Type, PyArray_Empty

# Whether n words are the same.
_SAME = """
define internal i1 @same(ptr %a, ptr %b, i64 %n) {
entry:
br label %loop
loop:
%i = phi i64 [ 0, %entry ], [ %i.next, %equal ]
%more = icmp slt i64 %i, %n
br i1 %more, label %compare, label %yes
compare:
%pa = getelementptr i64, ptr %a, i64 %i
%pb = getelementptr i64, ptr %b, i64 %i
%va = load i64, ptr %pa
%vb = load i64, ptr %pb
%i.next = add i64 %i, 1
%is_equal = icmp eq i64 %va, %vb
br i1 %is_equal, label %equal, label %no
equal:
br label %loop
yes:
ret i1 true
no:
ret i1 false
}
"""

# Whether the arguments are as an entry wants them. Then their addresses are in `pointers`, numbers in `numbers`, and the rank and the lengths
# of the batch in `batch`.
_MATCHES = f"""
define internal i1 @matches(ptr %entry_, ptr %args, i64 %nargs, ptr %pointers, ptr %numbers, ptr %batch) {{
entry:
%batch.lengths = getelementptr i64, ptr %batch, i64 1
store i64 0, ptr %batch
br label %loop
loop:
%i = phi i64 [ 0, %entry ], [ %i.next, %fits ]
%more = icmp slt i64 %i, %nargs
br i1 %more, label %look, label %yes
look:
%arg.at = getelementptr ptr, ptr %args, i64 %i
%arg = load ptr, ptr %arg.at
%type.at = getelementptr i8, ptr %arg, i64 {TYPE}
%type = load ptr, ptr %type.at
%spec.place = mul i64 %i, {_SPEC}
%spec.at = add i64 %spec.place, {_ENTRY}
%spec = getelementptr i64, ptr %entry_, i64 %spec.at
{words("spec", dtype="ptr", rank="i64", lengths="ptr", batched="i64", place="i64")}
%data.at = getelementptr i8, ptr %arg, i64 {DATA}
%number = icmp eq ptr %dtype, null
br i1 %number, label %is_number, label %is_array
is_number:
%float = icmp eq ptr %type, @float
%float64 = icmp eq ptr %type, @float64
%either = or i1 %float, %float64
br i1 %either, label %keep, label %no
keep:
%value = load double, ptr %data.at
%number.at = getelementptr double, ptr %numbers, i64 %i
store double %value, ptr %number.at
br label %found
is_array:
%array = icmp eq ptr %type, @array
br i1 %array, label %kind, label %no
kind:
%has.at = getelementptr i8, ptr %arg, i64 {DTYPE}
%has = load ptr, ptr %has.at
%alike = icmp eq ptr %has, %dtype
%flags.at = getelementptr i8, ptr %arg, i64 {FLAGS}
%flags = load i32, ptr %flags.at
%bit = and i32 %flags, {CONTIGUOUS}
%contiguous = icmp ne i32 %bit, 0
%axes.at = getelementptr i8, ptr %arg, i64 {RANK}
%whole.32 = load i32, ptr %axes.at
%whole = sext i32 %whole.32 to i64
%outer = sub i64 %whole, %rank
%shape.at = getelementptr i8, ptr %arg, i64 {LENGTHS}
%shape = load ptr, ptr %shape.at
%has_batch = icmp sgt i64 %outer, 0
%has_none = icmp eq i64 %outer, 0
%wants = icmp ne i64 %batched, 0
%rank_fits = select i1 %wants, i1 %has_batch, i1 %has_none
%ok.0 = and i1 %alike, %contiguous
%ok = and i1 %ok.0, %rank_fits
br i1 %ok, label %core, label %no
core:
%inner = getelementptr i64, ptr %shape, i64 %outer
%core.fits = call i1 @same(ptr %inner, ptr %lengths, i64 %rank)
br i1 %core.fits, label %loops, label %no
loops:
%known = load i64, ptr %batch
%is_new = icmp eq i64 %known, 0
%first = and i1 %is_new, %wants
br i1 %first, label %set, label %compare
set:
store i64 %outer, ptr %batch
store ptr %shape, ptr %batch.lengths
br label %address
compare:
%before = load ptr, ptr %batch.lengths
%as_deep = icmp eq i64 %outer, %known
%checked = select i1 %wants, i64 %outer, i64 0
%passes = xor i1 %wants, true
%deep = or i1 %as_deep, %passes
br i1 %deep, label %entries, label %no
entries:
%batch.fits = call i1 @same(ptr %shape, ptr %before, i64 %checked)
br i1 %batch.fits, label %address, label %no
address:
%data = load ptr, ptr %data.at
br label %found
found:
%operand = phi ptr [ %number.at, %keep ], [ %data, %address ]
%unused = icmp slt i64 %place, 0
br i1 %unused, label %fits, label %put
put:
%pointer.at = getelementptr ptr, ptr %pointers, i64 %place
store ptr %operand, ptr %pointer.at
br label %fits
fits:
%i.next = add i64 %i, 1
br label %loop
yes:
ret i1 true
no:
ret i1 false
}}
"""

# A new array for an output: of the batch's shape and its own; null with Python's exception.
_NEW = f"""
define internal ptr @new(ptr %spec, ptr %batch) {{
entry:
{words("spec", dtype="ptr", rank="i64", lengths="ptr")}
{words("batch", outer="i64", shape="ptr")}
%whole = add i64 %outer, %rank
%all = alloca i64, i64 %whole
%bytes = mul i64 %outer, 8
call void @llvm.memcpy.p0.p0.i64(ptr %all, ptr %shape, i64 %bytes, i1 false)
%inner = getelementptr i64, ptr %all, i64 %outer
%more = mul i64 %rank, 8
call void @llvm.memcpy.p0.p0.i64(ptr %inner, ptr %lengths, i64 %more, i1 false)
call void @Py_IncRef(ptr %dtype)
%rank.32 = trunc i64 %whole to i32
%array = call ptr @PyArray_Empty(i32 %rank.32, ptr %all, ptr %dtype, i32 0)
ret ptr %array
}}
"""

# The results for arguments that an entry is for, null with an exception, or the entry itself where it is not for these arguments.
_ATTEMPT = f"""
define internal ptr @attempt(ptr %entry_, ptr %args, i64 %nargs, i64 %outputs, ptr %form) {{
entry:
{words("entry_", 1, kernel="ptr", width="i64", least="i64", most="i64", scratch="i64", size="i64", threads="i64")}
%slots = add i64 %nargs, %outputs
%pointers = alloca ptr, i64 %slots
%numbers = alloca double, i64 %nargs
%batch = alloca [2 x i64]
%fits = call i1 @matches(ptr %entry_, ptr %args, i64 %nargs, ptr %pointers, ptr %numbers, ptr %batch)
br i1 %fits, label %measure, label %other
other:
ret ptr %entry_
measure:
{words("batch", rank="i64", lengths="ptr")}
br label %axis
axis:
%a = phi i64 [ 0, %measure ], [ %a.next, %multiply ]
%count = phi i64 [ 1, %measure ], [ %product, %multiply ]
%inside = icmp slt i64 %a, %rank
br i1 %inside, label %multiply, label %measured
multiply:
%length.at = getelementptr i64, ptr %lengths, i64 %a
%length = load i64, ptr %length.at
%product = mul i64 %count, %length
%a.next = add i64 %a, 1
br label %axis
measured:
%at_least = icmp sge i64 %count, %least
%at_most = icmp sle i64 %count, %most
%in_range = and i1 %at_least, %at_most
br i1 %in_range, label %results, label %other
results:
%single = icmp eq ptr %form, null
br i1 %single, label %fill, label %make
make:
%collection = call ptr %form(i64 %outputs)
%no_collection = icmp eq ptr %collection, null
br i1 %no_collection, label %failed, label %fill
fill:
%items = phi ptr [ null, %results ], [ %collection, %make ]
%first.place = mul i64 %nargs, {_SPEC}
%first.at = add i64 %first.place, {_ENTRY}
%first = getelementptr i64, ptr %entry_, i64 %first.at
br label %output
output:
%o = phi i64 [ 0, %fill ], [ %o.next, %put ]
%spec.place = mul i64 %o, {_SPEC}
%spec = getelementptr i64, ptr %first, i64 %spec.place
%array = call ptr @new(ptr %spec, ptr %batch)
%no_array = icmp eq ptr %array, null
br i1 %no_array, label %give_back, label %keep
keep:
%operand = add i64 %nargs, %o
{words("spec", 4, place="i64")}
%pointer.at = getelementptr ptr, ptr %pointers, i64 %place
%data.at = getelementptr i8, ptr %array, i64 {DATA}
%data = load ptr, ptr %data.at
store ptr %data, ptr %pointer.at
br i1 %single, label %put, label %collect
collect:
%is_list = icmp eq ptr %form, @PyList_New
br i1 %is_list, label %in_list, label %in_tuple
in_list:
%listed = call i32 @PyList_SetItem(ptr %items, i64 %o, ptr %array)
br label %put
in_tuple:
%placed = call i32 @PyTuple_SetItem(ptr %items, i64 %o, ptr %array)
br label %put
put:
%o.next = add i64 %o, 1
%more = icmp slt i64 %o.next, %outputs
br i1 %more, label %output, label %compute
compute:
%result = select i1 %single, ptr %array, ptr %items
%stopped = call i64 @rows(ptr %kernel, ptr %pointers, ptr null, i64 0, i64 %count, i64 %width, i64 %scratch, i64 %size, i64 %threads)
%whole = icmp eq i64 %stopped, 0
br i1 %whole, label %computed, label %interrupted
computed:
ret ptr %result
interrupted:
call void @Py_DecRef(ptr %result)
ret ptr null
give_back:
br i1 %single, label %failed, label %empty
empty:
call void @Py_DecRef(ptr %items)
ret ptr null
failed:
ret ptr null
}}
"""

# PyObject *call(self, args, nargs, kwnames): the first entry that is for these arguments, else what all other calls go to.
_CALL = f"""
define ptr @call(ptr %self, ptr %args, i64 %nargs, ptr %kwnames) {{
entry:
%item.at = getelementptr i8, ptr %self, i64 {TUPLE}
%item = load ptr, ptr %item.at
%bytes = getelementptr i8, ptr %item, i64 {BYTES}
%table = load ptr, ptr %bytes
{words("table", wanted="i64", outputs="i64", form="ptr", otherwise="ptr", entries="ptr")}
%as_many = icmp eq i64 %nargs, %wanted
%unnamed = icmp eq ptr %kwnames, null
%fits = and i1 %as_many, %unnamed
br i1 %fits, label %search, label %other
search:
%tried = phi ptr [ %entries, %entry ], [ %next, %go_on ]
%at_end = icmp eq ptr %tried, null
br i1 %at_end, label %other, label %try
try:
%next = load ptr, ptr %tried
%result = call ptr @attempt(ptr %tried, ptr %args, i64 %nargs, i64 %outputs, ptr %form)
%missed = icmp eq ptr %result, %tried
br i1 %missed, label %go_on, label %found
go_on:
br label %search
found:
ret ptr %result
other:
%slow = call ptr @PyObject_Vectorcall(ptr %otherwise, ptr %args, i64 %nargs, ptr %kwnames)
ret ptr %slow
}}
"""


_PYTHON = {
    "PyObject_Vectorcall": "declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)",
    "PyList_New": "declare ptr @PyList_New(i64)",
    "PyList_SetItem": "declare i32 @PyList_SetItem(ptr, i64, ptr)",
    "PyTuple_SetItem": "declare i32 @PyTuple_SetItem(ptr, i64, ptr)",
    "Py_IncRef": "declare void @Py_IncRef(ptr)",
    "Py_DecRef": "declare void @Py_DecRef(ptr)",
}
_OTHERS = [
    "declare ptr @PyArray_Empty(i32, ptr, ptr, i32)",
    "declare i64 @rows(ptr, ptr, ptr, i64, i64, i64, i64, i64, i64)",
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    *[f"@{name} = external global i8" for name in ("float", "float64", "array")],
]


@once
def _machine() -> Machine | None:
    """The code, made once; None where this Python or this NumPy is another one than it is for."""
    empty = _numpy_function(_EMPTY)
    if not layout_is_known() or not empty:
        return None
    # glibc gives the memory of results back to the system, and gets it anew page by page, which may take longer than to compute them; until it
    # has seen so large an allocation come back: then it keeps up to twice as much. (Nothing is written here, so it takes no memory.)
    np.empty(_KEPT, np.uint8)
    places = {"float": id(float), "float64": id(np.float64), "array": id(np.ndarray), "rows": rows().address}
    text = "\n".join([_SAME, _MATCHES, _NEW, _ATTEMPT, _CALL, *_PYTHON.values(), *_OTHERS, ""])
    return load(to_object(text), ["call"], {**places, "PyArray_Empty": empty, **addresses(_PYTHON)})


def _numpy_function(place: int) -> int:
    """The address in NumPy's table for extensions; 0 where there is no such table."""
    try:
        capsule = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API
    except (ImportError, AttributeError):
        return 0
    contents = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    table = (ctypes.c_size_t * (place + 1)).from_address(contents(capsule, None))
    return table[place] if table[_ARRAY_TYPE] == id(np.ndarray) else 0


@dataclass(frozen=True)
class Direct:
    """What runs for arguments of certain kinds.

    Attributes:
        loop: the machine code.
        counts: the least and the most rows that it is for.
        threads: how many it may use.
        leaves: for each leaf that it reads, its core and which operand it is.
        outputs: for each output, its dtype, its core and which operand it is.
    """

    loop: Any
    counts: tuple[int, int]
    threads: int
    leaves: dict[int, tuple[tuple[int, ...], int]]
    outputs: list[tuple[Any, tuple[int, ...], int]]


class ArrayCalls:
    """A builtin function, `call`, of as many arguments as `count`. It starts with no entry; `of` gives None where there can be no such function.

    Args:
        count: how many arguments there are.
        outputs: how many outputs.
        form: list or tuple, in which these come; None for a single one.
        otherwise: what is called with the same arguments where there is no entry for them.
    """

    def __init__(
        self, machine: Machine, count: int, outputs: int, form: type | None, otherwise: Callable[..., Any]
    ) -> None:
        make = 0 if form is None else addresses([f"Py{form.__name__.title()}_New"]).popitem()[1]
        self._table = (ctypes.c_size_t * 5)(count, outputs, make, id(otherwise), 0)
        self._entries: list[Any] = []
        where = ctypes.addressof(self._table).to_bytes(8, sys.byteorder)
        kept = (where, self._table, self._entries, machine, otherwise)
        self.call = builtin("call", machine.addresses["call"], kept)

    @classmethod
    def of(cls, count: int, outputs: int, form: type | None, otherwise: Callable[..., Any]) -> ArrayCalls | None:
        machine = _machine()
        return None if machine is None else cls(machine, count, outputs, form, otherwise)

    def learn(
        self, direct: Direct, arguments: Sequence[Any], cores: Sequence[tuple[int, ...]], leaves: Sequence[int]
    ) -> None:
        """Let calls with arguments such as these go to machine code. `leaves` are the numbers of the leaves that they are."""
        specs = []
        for argument, core, leaf in zip(arguments, cores, leaves, strict=True):
            _, place = direct.leaves.get(leaf, ((), -1))
            if isinstance(argument, np.ndarray):
                outer = argument.ndim - len(core)
                specs.append((argument.dtype, argument.shape[outer:], outer > 0, place))  # of a core's symbols, lengths
            else:
                specs.append((None, core, False, place))
        specs += [(dtype, core, True, place) for dtype, core, place in direct.outputs]
        lengths = [(ctypes.c_int64 * len(core))(*core) for _, core, _, _ in specs]
        loop = direct.loop
        words = [self._table[4], loop.address, loop.width, *direct.counts, loop.scratch, loop.size, direct.threads]
        for (dtype, core, batched, place), array in zip(specs, lengths, strict=True):
            words += [0 if dtype is None else id(dtype), len(core), ctypes.addressof(array), batched, place]
        entry = (ctypes.c_int64 * len(words))(*words)
        self._entries.append((entry, loop, lengths, specs))
        self._table[4] = ctypes.addressof(entry)
