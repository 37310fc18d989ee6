"""Rows: machine code, the same for all kernels, that runs one over rows, in blocks and on threads.

It is written here in LLVM's text, and compiled once.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from .cpython import addresses
from .engine import Machine, load, once, to_object
from .symbols import address

__all__ = ["LONGEST", "WORTH_THREADS", "rows", "words"]

LONGEST = 1 << 18  # rows between two looks at whether the user interrupts
WORTH_THREADS = 1 << 24  # instructions times rows, below which starting a thread costs more than it brings
_WORTH_RELEASE = 1 << 18  # instructions times rows, below which other threads of Python can wait
_MOST_THREADS = 64 if sys.platform != "win32" else 1  # where there are no POSIX threads, one does all
_JOB = 10  # words


def words(base: str, first: int = 0, /, **kinds: str) -> str:
    """Text that loads words of memory from the `first` one after `%base` on, each under its name.

    >>> print(words("job", 3, end="i64"))
    %end.at = getelementptr i64, ptr %job, i64 3
    %end = load i64, ptr %end.at
    """
    lines = []
    for place, (name, kind) in enumerate(kinds.items(), first):
        lines += [f"%{name}.at = getelementptr i64, ptr %{base}, i64 {place}", f"%{name} = load {kind}, ptr %{name}.at"]
    return "\n".join(lines)


def _stored(base: str, values: list[str]) -> str:
    """Text that stores values into the words of memory from `%base` on."""
    lines = []
    for place, value in enumerate(values):
        lines += [
            f"%{base}.{place} = getelementptr i64, ptr %{base}, i64 {place}",
            f"store {value}, ptr %{base}.{place}",
        ]
    return "\n".join(lines)


# A part of the rows. A short rest of a block is computed together with rows before it, which get the values that they have already. `state`
# is Python's of the thread that the user can interrupt; null in the others.
_WORK = f"""
define internal ptr @work(ptr %job) {{
entry:
{words("job", kernel="ptr", pointers="ptr", strides="ptr", first="i64", end="i64", width="i64", memory="ptr", stop="ptr", state="ptr")}
br label %loop
loop:
%begin = phi i64 [ %first, %entry ], [ %next, %following ]
%after = add i64 %begin, @BLOCK@
%next = call i64 @llvm.smin.i64(i64 %after, i64 %end)
%latest = sub i64 %next, %width
%start = call i64 @llvm.smin.i64(i64 %latest, i64 %begin)
call void %kernel(ptr %pointers, ptr %strides, i64 %start, i64 %next, ptr %memory)
%more = icmp slt i64 %next, %end
br i1 %more, label %look, label %done
look:
%mine = icmp ne ptr %state, null
br i1 %mine, label %ask, label %following
ask:
call void @PyEval_RestoreThread(ptr %state)
call void @PyErr_Clear()
%signal = call i32 @PyErr_CheckSignals()
%same = call ptr @PyEval_SaveThread()
%interrupted = icmp ne i32 %signal, 0
br i1 %interrupted, label %interrupt, label %following
interrupt:
store atomic i64 1, ptr %stop monotonic, align 8
br label %done
following:
%stopped = load atomic i64, ptr %stop monotonic, align 8
%go_on = icmp eq i64 %stopped, 0
br i1 %go_on, label %loop, label %done
done:
ret ptr null
}}
"""

# The rows from one to another, in as many equal parts as there are threads: 0, or 1 with an exception: the user interrupted, or there is no memory.
# Called with Python's lock, which it gives up meanwhile.
_ROWS = f"""
define i64 @rows(
  ptr %kernel, ptr %pointers, ptr %strides, i64 %from, i64 %to,
  i64 %width, i64 %scratch, i64 %size, i64 %threads) {{
entry:
%count = sub i64 %to, %from
%work = mul i64 %size, %count
%short = icmp slt i64 %work, @RELEASE@
%alone = icmp eq i64 %scratch, 0
%at_once = and i1 %short, %alone
br i1 %at_once, label %here, label %released
here:
%latest = sub i64 %to, %width
%earliest = call i64 @llvm.smin.i64(i64 %latest, i64 %from)
call void %kernel(ptr %pointers, ptr %strides, i64 %earliest, i64 %to, ptr null)
call void @PyErr_Clear()
ret i64 0
released:
%state = call ptr @PyEval_SaveThread()
%large = icmp sgt i64 %work, @THREADS@
%many = select i1 %large, i64 %threads, i64 1
%parts = call i64 @llvm.smin.i64(i64 %many, i64 {_MOST_THREADS})
%equal = sdiv i64 %count, %parts
%longer = add i64 %equal, 64
%part = and i64 %longer, -64
%stop = alloca i64
store i64 0, ptr %stop
%bytes = mul i64 %scratch, %parts
%memory = call ptr @c_malloc(i64 %bytes) ; not by each thread: the first call in a new one takes longer than to start it
%none = icmp eq ptr %memory, null
%some = icmp sgt i64 %bytes, 0
%exhausted = and i1 %none, %some
br i1 %exhausted, label %no_memory, label %parted
no_memory:
call void @PyEval_RestoreThread(ptr %state)
%error = call ptr @PyErr_NoMemory()
ret i64 1
parted:
%jobs = alloca [{_JOB * _MOST_THREADS} x i64]
br label %each
each:
%k = phi i64 [ 0, %parted ], [ %k.next, %started ]
%place = mul i64 %k, {_JOB}
%job = getelementptr i64, ptr %jobs, i64 %place
%before = mul i64 %k, %part
%begin = add i64 %from, %before
%after = add i64 %begin, %part
%end = call i64 @llvm.smin.i64(i64 %after, i64 %to)
%is_main = icmp eq i64 %k, 0
%own = select i1 %is_main, ptr %state, ptr null
%offset = mul i64 %k, %scratch
%own_memory = getelementptr i8, ptr %memory, i64 %offset
{_stored("job", ["ptr %kernel", "ptr %pointers", "ptr %strides", "i64 %begin", "i64 %end", "i64 %width", "ptr %own_memory", "ptr %stop", "ptr %own"])}
%thread = getelementptr i64, ptr %job, i64 {_JOB - 1}
store i64 0, ptr %thread
br i1 %is_main, label %started, label %start
start:
%failure = call i32 @c_pthread_create(ptr %thread, ptr null, ptr @work, ptr %job)
%refused = icmp ne i32 %failure, 0
br i1 %refused, label %without, label %started
without:
store i64 0, ptr %thread
%computed = call ptr @work(ptr %job)
br label %started
started:
%k.next = add i64 %k, 1
%to_come = icmp slt i64 %end, %to
br i1 %to_come, label %each, label %first
first:
%main = call ptr @work(ptr %jobs)
br label %wait
wait:
%w = phi i64 [ 0, %first ], [ %w.next, %waited ]
%w.place = mul i64 %w, {_JOB}
%w.job = getelementptr i64, ptr %jobs, i64 %w.place
{words("w.job", _JOB - 1, handle="i64")}
%runs = icmp ne i64 %handle, 0
br i1 %runs, label %join, label %waited
join:
%joined = call i32 @c_pthread_join(i64 %handle, ptr null)
br label %waited
waited:
%w.next = add i64 %w, 1
%left = icmp slt i64 %w.next, %k.next
br i1 %left, label %wait, label %all
all:
call void @c_free(ptr %memory)
call void @PyEval_RestoreThread(ptr %state)
%result = load i64, ptr %stop
%whole = icmp eq i64 %result, 0
br i1 %whole, label %forget, label %back
forget:
call void @PyErr_Clear()
br label %back
back:
ret i64 %result
}}
"""

_C = {
    "malloc": "declare ptr @c_malloc(i64)",
    "free": "declare void @c_free(ptr)",
    "pthread_create": "declare i32 @c_pthread_create(ptr, ptr, ptr, ptr)",
    "pthread_join": "declare i32 @c_pthread_join(i64, ptr)",
}
_PYTHON = {
    "PyEval_SaveThread": "declare ptr @PyEval_SaveThread()",
    "PyEval_RestoreThread": "declare void @PyEval_RestoreThread(ptr)",
    "PyErr_NoMemory": "declare ptr @PyErr_NoMemory()",
    "PyErr_CheckSignals": "declare i32 @PyErr_CheckSignals()",
    "PyErr_Clear": "declare void @PyErr_Clear()",  # what SciPy's functions set under its `errstate`: theirs are values only
}


@once
def _machine(block: int, release: int, threads: int) -> Machine:
    places = {f"c_{name}": _c_function(name) for name in _C} | addresses(_PYTHON)
    text = "\n".join([_WORK, _ROWS, *_C.values(), *_PYTHON.values(), "declare i64 @llvm.smin.i64(i64, i64)", ""])
    for name, value in {"BLOCK": block, "RELEASE": release, "THREADS": threads}.items():
        text = text.replace(f"@{name}@", str(value))
    return load(to_object(text), ["rows"], places)


def _c_function(name: str) -> int:
    """The address of a function of the C library; any for one that is not there and will not be called."""
    try:
        return address(f"c_{name}")
    except AttributeError:
        return 1


@once
def rows(block: int = LONGEST, release: int = _WORTH_RELEASE, threads: int = WORTH_THREADS) -> Any:
    """The function `rows(kernel, pointers, strides, start, stop, width, scratch, size, threads)`: it runs a kernel over rows.

    `kernel` is the address of its function, `width` how many rows it needs at least, `scratch` of how many bytes of memory, and `size` of how many
    instructions a row is, about. Ctrl-C raises KeyboardInterrupt between two blocks. Its own `address` is for other machine code.

    Args:
        block: how many rows there are between two looks at whether the user interrupts.
        release: how many instructions there must be in all, so that other threads of Python run meanwhile.
        threads: how many there must be, so that they are worth a thread.
    """
    whole, pointer = ctypes.c_int64, ctypes.c_void_p
    kind = ctypes.PYFUNCTYPE(whole, pointer, pointer, pointer, whole, whole, whole, whole, whole, whole)
    machine = _machine(block, release, threads)
    function: Any = kind(machine.addresses["rows"])
    function.machine, function.address = machine, machine.addresses["rows"]
    return function
