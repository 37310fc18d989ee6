"""The driver: machine code that runs a kernel over all axes of its operands, so that Python is asked once.

A unit is one block of rows of the innermost axis, at one place of the axes around it.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .cpython import addresses
from .engine import function, once
from .layout import places_of
from .pool import in_threads
from .rows import LONGEST
from .totals import BLOCK, SLACK, joined_blocks, reducer

__all__ = ["Nest", "drive", "repeated"]

Run = Callable[[int, int], None]


class Nest(NamedTuple):
    """Loops around a kernel.

    Attributes:
        kernel: its address.
        width: how many rows it computes at once. Where the innermost axis is shorter, it is 1.
        scratch: how many bytes of memory it needs.
        addresses: where the first row of each operand is.
        lengths: of the axes around the innermost one.
        rows: the length of that one.
        strides: for each of these its strides in bytes, along the axes around, then along the innermost one.
        totals: for each of further operands, of which the rows are not kept but what they are together, the operation and the dtype.
        kept: what must live as long as it runs.
    """

    kernel: int
    width: int
    scratch: int
    addresses: Sequence[int]
    lengths: Sequence[int]
    rows: int
    strides: Sequence[Sequence[int]]
    totals: Sequence[tuple[str, np.dtype[Any]]] = ()
    kept: Sequence[Any] = ()


def drive(nest: Nest, threads: int = 1, around: Callable[[Run], Run] = lambda run: run) -> list[Any]:
    """Run the kernel at all places of the nest; gives the totals, each with the axes around the innermost one.

    Args:
        nest: what runs.
        threads: how many parts of the units run at once.
        around: what is called in place of a function that runs the units from one to another.
    """
    work = _Work(nest)
    in_threads(around(work.run), work.units, threads, work.stop)
    return [
        joined_blocks(operation, slots if dtype.itemsize == 8 else slots.view(dtype)[..., ::2])
        for (operation, dtype), slots in zip(nest.totals, work.slots, strict=True)
    ]


def repeated(nest: Nest) -> Callable[[int, Sequence[int]], None] | None:
    """What runs a nest without totals, and with another kernel and other operands, at these addresses; None for one that runs so long that users may
    want to interrupt it."""
    work = _Work(nest)
    if work.units * work.block > LONGEST:
        return None
    parameters, driver = work.parameters(0, work.units, (), 0), _driver()
    kind, count, offsets = ctypes.c_int64 * len(parameters), len(nest.strides), parameters[len(_WORDS) : _FIRST]
    template = kind(*parameters)

    def again(kernel: int, addresses: Sequence[int]) -> None:
        memory = kind.from_buffer_copy(template)
        scratch = (ctypes.c_char * nest.scratch)() if nest.scratch else None
        memory[0] = kernel
        memory[2] = ctypes.addressof(scratch) if scratch is not None else 0
        at = ctypes.addressof(memory)
        memory[len(_WORDS) : _FIRST] = list(map(at.__add__, offsets))
        memory[_FIRST : _FIRST + count] = list(addresses)
        driver(at)

    return again


class _Work:
    """What is the same for all units."""

    def __init__(self, nest: Nest) -> None:
        self.nest, self.stopped = nest, False
        self.block = BLOCK if nest.totals else min(nest.rows, LONGEST)
        self.lengths = [*nest.lengths, -(-nest.rows // self.block)]
        self.units = math.prod(self.lengths)
        self.slots = np.empty((len(nest.totals), *self.lengths))
        self.outer = [[*s[:-1], s[-1] * self.block] for s in nest.strides]
        self.outer += [[0] * len(self.lengths) for _ in nest.totals]
        self.deltas = []
        for axis in range(len(self.lengths)):  # one place on along this axis, and back to the start of those within it
            within = range(axis + 1, len(self.lengths))
            self.deltas += [s[axis] - sum(s[a] * (self.lengths[a] - 1) for a in within) for s in self.outer]

    def run(self, start: int, stop: int) -> None:
        """The units from `start` to `stop`, on this thread."""
        nest = self.nest
        size = max([dtype.itemsize for _, dtype in nest.totals], default=0)
        room = (2 * SLACK + BLOCK) * size
        memory = np.empty(room * len(nest.totals), np.uint8)
        first = places_of([memory])[0] + SLACK * size
        buffers = [first + place * room for place in range(len(nest.totals))]
        scratch = np.empty(nest.scratch, np.uint8)
        step = max(1, LONGEST // min(self.block, nest.rows))
        for begin in range(start, stop, step):
            if self.stopped:
                return
            self._some(begin, min(step, stop - begin), buffers, places_of([scratch])[0])

    def stop(self) -> None:
        """Let all threads end soon: the results will not be used."""
        self.stopped = True

    def parameters(self, begin: int, units: int, buffers: Sequence[int], scratch: int) -> list[int]:
        """The `_WORDS`, for each of the `_LISTS` its distance in bytes from the first word, and these."""
        nest = self.nest
        counters = [int(place) for place in np.unravel_index(begin, self.lengths)]
        addresses = [*nest.addresses, *buffers]
        pointers = [a + sum(map(operator.mul, counters, s)) for a, s in zip(addresses, self.outer, strict=True)]
        strides = [*[s[-1] for s in nest.strides], *[dtype.itemsize for _, dtype in nest.totals]]
        reducers = [reducer(*total).address for total in nest.totals]
        tail = nest.rows - (self.lengths[-1] - 1) * self.block
        words = [nest.kernel, nest.width, scratch, len(self.lengths), len(pointers), len(buffers), units, self.block]
        words += [tail, places_of([self.slots])[0] + 8 * begin, self.units]
        lists = [pointers, strides, self.lengths, counters, self.deltas, reducers, buffers]
        ends = itertools.accumulate(map(len, lists), initial=_FIRST)
        return [*words, *[8 * end for end, _ in zip(ends, lists, strict=False)], *itertools.chain(*lists)]

    def _some(self, begin: int, units: int, buffers: Sequence[int], scratch: int) -> None:
        parameters = self.parameters(begin, units, buffers, scratch)
        memory = (ctypes.c_int64 * len(parameters))(*parameters)
        at = ctypes.addressof(memory)
        for place in range(len(_WORDS), _FIRST):
            memory[place] += at
        _driver()(at)


_WORDS = ("kernel", "width", "scratch", "axes", "operands", "totals", "units", "block", "tail", "slots", "all")
_LISTS = ("pointers", "strides", "lengths", "counters", "deltas", "reducers", "buffers")
_FIRST = len(_WORDS) + len(_LISTS)  # where the first list is
_POINTERS = {"kernel", "scratch", "slots", *_LISTS}


@once
def _driver() -> Any:
    loads = []
    for place, name in enumerate([*_WORDS, *_LISTS]):
        loads += [f"%at.{name} = getelementptr i64, ptr %parameters, i64 {place}"]
        loads += [f"%{name} = load {'ptr' if name in _POINTERS else 'i64'}, ptr %at.{name}"]
    text = "\n".join([_TEXT.replace("LOADS", "\n".join(loads)), *_PYTHON.values(), ""])
    return function("drive", text, ctypes.c_void_p, symbols=addresses(_PYTHON))


_PYTHON = {
    "PyGILState_Ensure": "declare i32 @PyGILState_Ensure()",
    "PyErr_Clear": "declare void @PyErr_Clear()",
    "PyGILState_Release": "declare void @PyGILState_Release(i32)",
}


_TEXT = """
define void @drive(ptr %parameters) {
entry:
LOADS
%inner = sub i64 %axes, 1
%counter = getelementptr i64, ptr %counters, i64 %inner
%length.at = getelementptr i64, ptr %lengths, i64 %inner
%length = load i64, ptr %length.at
%last = sub i64 %length, 1
br label %unit
unit:
%u = phi i64 [ 0, %entry ], [ %after, %move ]
%place = load i64, ptr %counter
%ends = icmp eq i64 %place, %last
%rows = select i1 %ends, i64 %tail, i64 %block
%excess = sub i64 %rows, %width
%few = icmp slt i64 %excess, 0
%start = select i1 %few, i64 %excess, i64 0
call void %kernel(ptr %pointers, ptr %strides, i64 %start, i64 %rows, ptr %scratch)
br label %total
total:
%t = phi i64 [ 0, %unit ], [ %t.next, %reduce ]
%t.more = icmp slt i64 %t, %totals
br i1 %t.more, label %reduce, label %advance
reduce:
%reducer.at = getelementptr ptr, ptr %reducers, i64 %t
%reducer = load ptr, ptr %reducer.at
%buffer.at = getelementptr ptr, ptr %buffers, i64 %t
%buffer = load ptr, ptr %buffer.at
%slots.before = mul i64 %t, %all
%slot = add i64 %slots.before, %u
%slot.at = getelementptr i64, ptr %slots, i64 %slot
call void %reducer(ptr %buffer, i64 %rows, ptr %slot.at)
%t.next = add i64 %t, 1
br label %total
advance:
%after = add i64 %u, 1
%done = icmp eq i64 %after, %units
br i1 %done, label %out, label %find
find:
%axis = phi i64 [ %inner, %advance ], [ %around, %wrap ]
%counted.at = getelementptr i64, ptr %counters, i64 %axis
%counted = load i64, ptr %counted.at
%now = add i64 %counted, 1
%of.at = getelementptr i64, ptr %lengths, i64 %axis
%of = load i64, ptr %of.at
%full = icmp eq i64 %now, %of
br i1 %full, label %wrap, label %found
wrap:
store i64 0, ptr %counted.at
%around = sub i64 %axis, 1
br label %find
found:
store i64 %now, ptr %counted.at
%deltas.before = mul i64 %axis, %operands
br label %move
move:
%k = phi i64 [ 0, %found ], [ %k.next, %move ]
%d = add i64 %deltas.before, %k
%delta.at = getelementptr i64, ptr %deltas, i64 %d
%delta = load i64, ptr %delta.at
%pointer.at = getelementptr i64, ptr %pointers, i64 %k
%pointer = load i64, ptr %pointer.at
%moved = add i64 %pointer, %delta
store i64 %moved, ptr %pointer.at
%k.next = add i64 %k, 1
%k.more = icmp slt i64 %k.next, %operands
br i1 %k.more, label %move, label %unit
out:
%held = call i32 @PyGILState_Ensure()
call void @PyErr_Clear() ; as in `rows`
call void @PyGILState_Release(i32 %held)
ret void
}
"""
