"""Totals: rows put together to one number, such as their sum, in an order that depends on how many there are and on nothing else.

Of each BLOCK of rows, entry i goes to lane i % 32, in order, and then the lanes are put together by halves; blocks are put together by NumPy, in
pairs of pairs. So a sum has at most as many roundings after each other as NumPy's, and is the same, bit for bit, whatever kernel computed its terms.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from .engine import function, once
from .lanes import KINDS
from .layout import places_of

__all__ = ["BLOCK", "OPERATIONS", "SLACK", "columns", "joined_blocks", "of_rows", "reducer"]

BLOCK = 512
SLACK = 64  # entries around a block in memory
_LANES = 32

OPERATIONS: dict[str, tuple[str, float, Any]] = {  # of two vectors a and b; what changes no number; the same in NumPy
    "sum": ("fadd {t} {a}, {b}", -0.0, np.add),
    "prod": ("fmul {t} {a}, {b}", 1.0, np.multiply),
    "max": ("call {t} @llvm.maximum.{s}({t} {a}, {t} {b})", -math.inf, np.maximum),
    "min": ("call {t} @llvm.minimum.{s}({t} {a}, {t} {b})", math.inf, np.minimum),
}


@once
def reducer(operation: str, dtype: np.dtype[Any]) -> Any:
    """A function of the address of entries, how many there are (1 to BLOCK), and where the result goes. Up to SLACK entries behind change."""
    kind, bits = KINDS[dtype], 8 * dtype.itemsize
    text, neutral, _ = OPERATIONS[operation]
    wide, start = f"<8 x {kind}>", f"splat ({kind} 0x{np.array(neutral).view(np.uint64):016X})"

    def put(lanes: int, name: str, a: str, b: str) -> str:
        t, s = (f"<{lanes} x {kind}>", f"v{lanes}f{bits}") if lanes > 1 else (kind, f"f{bits}")
        return f"{name} = {text.format(t=t, s=s, a=a, b=b)}"

    lines = [
        "define void @reduce(ptr %from, i64 %n, ptr %to) {",
        "entry:",
        f"%end = getelementptr {kind}, ptr %from, i64 %n",
    ]
    for k in range(4):
        lines += [f"%e{k} = getelementptr {kind}, ptr %end, i64 {8 * k}", f"store {wide} {start}, ptr %e{k}, align 1"]
    lines += ["br label %loop", "loop:", "%i = phi i64 [ 0, %entry ], [ %next, %loop ]"]
    lines += [f"%t{k} = phi {wide} [ {start}, %entry ], [ %s{k}, %loop ]" for k in range(4)]
    for k in range(4):
        lines += [f"%j{k} = add i64 %i, {8 * k}", f"%p{k} = getelementptr {kind}, ptr %from, i64 %j{k}"]
        lines += [f"%l{k} = load {wide}, ptr %p{k}, align 1", put(8, f"%s{k}", f"%t{k}", f"%l{k}")]
    lines += [
        "%next = add i64 %i, 32",
        "%more = icmp slt i64 %next, %n",
        "br i1 %more, label %loop, label %halves",
        "halves:",
    ]
    lines += [put(8, "%a", "%s0", "%s2"), put(8, "%b", "%s1", "%s3"), put(8, "%r8", "%a", "%b")]
    for lanes in (4, 2, 1):
        for first in (0, lanes):
            places = ", ".join(f"i32 {first + i}" for i in range(lanes))
            t = f"<{2 * lanes} x {kind}>"
            part = f"shufflevector {t} %r{2 * lanes}, {t} poison, <{lanes} x i32> <{places}>"
            lines.append(f"%h{lanes}.{first} = {part if lanes > 1 else f'extractelement {t} %r2, i32 {first}'}")
        lines.append(put(lanes, f"%r{lanes}", f"%h{lanes}.0", f"%h{lanes}.{lanes}"))
    lines += [f"store {kind} %r1, ptr %to, align 1", "ret void", "}"]
    if "call" in text:
        for lanes in (8, 4, 2, 1):
            t, s = (f"<{lanes} x {kind}>", f"v{lanes}f{bits}") if lanes > 1 else (kind, f"f{bits}")
            lines.append(f"declare {t} @llvm.{operation}imum.{s}({t}, {t})")
    return function("reduce", "\n".join([*lines, ""]), ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)


def joined_blocks(operation: str, parts: Any) -> Any:
    """Totals of blocks, which are along the last axis, put together."""
    if parts.shape[-1] == 1:
        return parts[..., 0]
    return _with_sign(operation, OPERATIONS[operation][2].reduce(np.ascontiguousarray(parts), axis=-1), parts, -1)


def _with_sign(operation: str, totals: Any, terms: Any, axis: int) -> Any:
    """`totals` of `terms`, with -0.0 below 0.0, as in machine code; in NumPy they are equal, and either may come out."""
    if operation not in ("max", "min") or not np.any(totals == 0):
        return totals
    of_sign = np.any((terms == 0) & (np.signbit(terms) == (operation == "min")), axis=axis)
    return np.where(totals == 0, np.where(of_sign == (operation == "max"), 0.0, -0.0), totals).astype(terms.dtype)[()]


def of_rows(operation: str, entries: Any, count: int) -> Any:
    """The total of the first `count` entries of an array that has SLACK entries behind them. It changes the array."""
    size, blocks = entries.itemsize, -(-count // BLOCK)
    parts = np.empty(blocks, entries.dtype)
    function = reducer(operation, entries.dtype)
    at, to = places_of([entries, parts])
    for block in range(blocks - 1, -1, -1):  # what is written behind a block is read no more
        start = block * BLOCK
        function(at + start * size, min(BLOCK, count - start), to + block * size)
    return joined_blocks(operation, parts)


def columns(operation: str, terms: Any) -> Any:
    """The totals of an array along its first axis, column by column, bit for bit as `reducer` gives them.

    >>> columns("sum", np.arange(6.0).reshape(3, 2))
    array([6., 9.])
    """
    of_two = OPERATIONS[operation][2]
    blocks = []
    for begin in range(0, len(terms), BLOCK):
        block = terms[begin : begin + BLOCK]
        lanes = block[:_LANES].copy()
        for first in range(_LANES, len(block), _LANES):
            more = block[first : first + _LANES]
            of_two(lanes[: len(more)], more, out=lanes[: len(more)])
        half = _LANES // 2
        while half:
            rest = lanes[half:]
            of_two(lanes[: len(rest)], rest, out=lanes[: len(rest)])
            lanes, half = lanes[:half], half // 2
        blocks.append(lanes[0])
    return _with_sign(operation, joined_blocks(operation, np.stack(blocks, axis=-1)), terms, 0)
