"""Loops: the machine code of a kernel for operands of certain patterns, and what runs it, in blocks, on several threads."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .code import Code
from .driver import Nest, drive, repeated
from .engine import level_of, load, to_object
from .kernel import Operand, loop_text
from .layout import places_of
from .pool import in_threads
from .rows import WORTH_THREADS, rows
from .symbols import address, raised_again
from .ways import Runner

__all__ = ["CompiledLoop"]

_WORTH_OPTIMIZING = 1 << 17  # rows, in which long code saves the time that it takes to compile it better
_OF_CALL = 1 << 24  # instructions that a call with arrays counts for: Python is asked until the code is the better one


class CompiledLoop:
    """Machine code of a kernel for certain patterns of its operands.

    Attributes:
        address: of its function.
        width: how many rows it needs at least.
        calls_python: whether it calls Python functions.
        scratch: how many bytes of memory it needs.
        size: how many instructions a row is.
        operands: how many arrays it takes.
        level: at which its code was optimised: 0 for long code that has not run for long. The values are the same at each.
    """

    def __init__(
        self, code: Code, inputs: Sequence[Operand], outputs: Sequence[Operand], width: int, size: int
    ) -> None:
        self.text, symbols, self.scratch = loop_text("kernel", code, inputs, outputs, width, contract=False)
        self._symbols = {symbol: address(symbol) for symbol in symbols}
        self.size, self.width, self.operands = size, width, len(inputs) + len(outputs)
        self.calls_python = any(symbol.startswith("python_") for symbol in symbols)
        self._machines: list[Any] = []  # all of them: a thread may still run the one before
        self._rows = 0
        self._compile(level_of(self.text))

    def _compile(self, level: int) -> None:
        machine = load(to_object(self.text, level), ["kernel"], self._symbols)
        self._machines.append(machine)
        self.address, self.level = machine.addresses["kernel"], level

    def ran(self, rows: int) -> None:
        """Compile code that runs for long once more, so that it takes less time."""
        if not self.level:
            self._rows += rows + (_OF_CALL // self.size if rows > 1 else 0)
            if self._rows > _WORTH_OPTIMIZING:
                self._compile(1)

    def runner(self, steps: Sequence[int] | None, count: int, threads: int) -> Runner:
        """What runs it over `count` rows of arrays, which are `steps` bytes apart (None: no operand needs to know)."""
        strides = None if steps is None else (ctypes.c_int64 * len(steps))(*steps)
        arguments = self.width, self.scratch, self.size, 1 if self.calls_python else threads
        of_rows, kind = rows(), ctypes.c_void_p * self.operands

        def run(arrays: Sequence[Any]) -> None:
            addresses = places_of(arrays)
            if not self.level:
                self.ran(count)
            of_rows(self.address, kind(*addresses), strides, 0, count, *arguments)

        if not self.calls_python:
            return run
        parts = threads if count * self.size > WORTH_THREADS else 1

        def run_watched(arrays: Sequence[Any]) -> None:  # on threads of Python
            self.ran(count)
            pointers = kind(*places_of(arrays))
            run = self._watched(lambda start, stop: of_rows(self.address, pointers, strides, start, stop, *arguments))
            in_threads(run, count, parts)

        return run_watched

    def nest_runner(self, lengths: Sequence[int], count: int, strides: Sequence[Sequence[int]], threads: int) -> Runner:
        """What runs it at all places of axes of these lengths, the last one of `count` rows; `strides` are those of each array, in bytes."""
        again = None
        if not self.calls_python and not self._is_worth(threads, lengths, count):
            again = repeated(Nest(0, self.width, self.scratch, [0] * len(strides), lengths, count, strides))
        total = math.prod(lengths) * count

        def run(arrays: Sequence[Any]) -> None:
            if again is None:
                self.run_nest(arrays, lengths, count, strides, threads)
            else:
                self.ran(total)
                again(self.address, places_of(arrays))

        return run

    def _is_worth(self, threads: int, lengths: Sequence[int], count: int) -> bool:
        return threads > 1 and math.prod(lengths) * count * self.size > WORTH_THREADS

    def run_nest(
        self,
        arrays: Sequence[Any],
        lengths: Sequence[int],
        count: int,
        strides: Sequence[Sequence[int]],
        threads: int,
        totals: Sequence[tuple[str, np.dtype[Any]]] = (),
    ) -> list[Any]:
        """The same at once, and what `totals` are of the rows."""
        addresses = places_of(arrays)
        self.ran(count * math.prod(lengths))
        nest = Nest(self.address, self.width, self.scratch, addresses, lengths, count, strides, totals, arrays)
        return drive(nest, threads if self._is_worth(threads, lengths, count) else 1, self._watched)

    def _watched(self, run: Callable[[int, int], None]) -> Callable[[int, int], None]:
        """`run`, which raises what Python functions raise that the code calls."""
        errors: list[BaseException] = []

        def watched(start: int, stop: int) -> None:
            with raised_again(errors):
                run(start, stop)

        return watched if self.calls_python else run
