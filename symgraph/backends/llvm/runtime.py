"""Running kernels: from arrays to the loops that compute with them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...graph import new_lock
from .array_calls import ArrayCalls, Direct
from .code import Code
from .cores import Core
from .elementary import expanded
from .emission import fused
from .engine import host
from .kernel import CONTIGUOUS, STRIDED, UNIFORM, KernelText, Operand, loop_text, size_of, width_of
from .lanes import KINDS, Unsupported
from .layout import SHORT, broadcast, broadcast_strides, coalesced, innermost, whole, whole_rows
from .loops import CompiledLoop
from .partition import Kernel, Trace
from .reducing import BatchesDiffer, Reducing
from .ways import Group, Runner, Way, as_arrays, kinds_of, to_rows

__all__ = ["BatchesDiffer", "NativeKernel", "Wanted"]

Places = tuple[int, ...]  # of outputs
Wanted = int | tuple[str, Any]  # an output, ("input", its number) or ("constant", its value)

_MOST_WAYS = 64  # of kinds of arrays, for which it is remembered how they are computed with
_OFTEN = 2  # calls with arrays of the same kinds, after which builtin functions are worth making


class NativeKernel:
    """A kernel that takes and gives arrays. Raises Unsupported for arrays that it has no code for.

    Args:
        kernel: what it computes.
        constants, first: those of the program, and the number of the first one.
        threads: how many threads it may use.
        contract: whether a product and a sum may be one instruction, rounded once.
    """

    def __init__(
        self, kernel: Kernel, constants: Sequence[Any], first: int, threads: int, contract: bool = True
    ) -> None:
        self._kernel, self._constants, self._first = kernel, constants, first
        self._threads, self._contract = threads, contract
        self._variants: dict[Any, _Variant | Unsupported] = {}
        self._ways: dict[Any, Way] = {}  # by kinds of arrays
        self._quick: Callable[..., list[Any] | None] | None = None  # for values of the kinds that came often last
        self._lock = new_lock(self)

    def __call__(self, values: Sequence[Any], offered: Sequence[Any] = ()) -> list[Any]:
        """The outputs; into arrays that are `offered` for them, where these fit. They share no memory with the values, nor with each other."""
        for target in offered:
            if target is not None:
                arrays = as_arrays(values)
                return self._way(arrays)(arrays, offered)
        if self._quick is not None:
            results = self._quick(*values)
            if results is not None:
                return results
        arrays = as_arrays(values)
        way = self._way(arrays)
        if way.calls >= _OFTEN:
            self._quick = way.quick(values)
        return way(arrays, [None] * way.count)

    def _way(self, arrays: list[Any]) -> Way:
        kinds = kinds_of(arrays)
        way = self._ways.get(kinds)
        if way is None:
            way = self._of_dtypes(tuple([array.dtype for array in arrays])).way(arrays)
            if len(self._ways) >= _MOST_WAYS:
                self._ways.clear()
            self._ways[kinds] = way
        return way

    def _of_dtypes(self, key: tuple[np.dtype[Any], ...]) -> _Variant:
        variant = self._variants.get(key)
        if variant is None:
            with self._lock:
                variant = self._variants.get(key)
                if variant is None:
                    variant = self._variants[key] = self._variant(key)
        if isinstance(variant, Unsupported):
            raise Unsupported(*variant.args)
        return variant

    def direct(self, values: Sequence[Any], wanted: Sequence[Wanted]) -> Direct | None:
        """What runs for arrays such as these, with which it was called before, if all have the same rows, or a single one. Leaves are inputs.

        What is `wanted` are outputs, or what is no work: inputs and constants.
        """
        arrays = [np.asarray(value) for value in values]
        variant = self._variants.get(tuple([array.dtype for array in arrays]))
        return variant.direct(arrays, tuple(wanted)) if isinstance(variant, _Variant) else None

    def text(self, width: int | None = None) -> KernelText:
        """The code for contiguous arrays of the dtypes that are expected, all outputs together; `width` rows at once, by default as many as fit."""
        return _Variant(self._kernel, self._kernel.trace, 1, self._contract).text(width)

    def _variant(self, dtypes: Sequence[np.dtype[Any]]) -> _Variant | Unsupported:
        for dtype in dtypes:
            if dtype not in KINDS:
                return Unsupported(f"numbers of dtype {dtype}")
        try:
            trace = self._kernel.traced(dtypes, self._constants, self._first)
        except Unsupported as error:  # remembered, since to find it out takes time
            return Unsupported(*error.args)
        return _Variant(self._kernel, trace, self._threads, self._contract)


class _Output:
    """One output: its instructions, entry by entry, and on which inputs it depends."""

    def __init__(
        self, core: Core, dtype: np.dtype[Any], inputs: frozenset[int], lanes: Sequence[int], total: Any = None
    ) -> None:
        self.core, self.dtype, self.inputs, self.lanes = core, dtype, inputs, lanes
        self.total = total  # the operation that reduces it over batch axes, if there is one
        self.reduced = "" if total is None else "all" if total.axis is None else "last"  # which axes these are

    @classmethod
    def of(cls, trace: Trace, total: Any, number: int, core: Core, inputs: frozenset[int]) -> _Output:
        value = trace.values[number]
        lanes = value.entries.reshape(-1) if core else [value]
        return cls(core, value.dtype, inputs, [i for lane in lanes for i in lane.ids], total)


class _Variant(Reducing):
    """A kernel for inputs of certain dtypes."""

    def __init__(self, kernel: Kernel, trace: Trace, threads: int, contract: bool) -> None:
        self.code, self.threads, self.contract = trace.code, threads, contract
        self.cores = [core for _, core in kernel.inputs]
        self.dtypes = [dtype for dtype, _ in trace.inputs]
        self.leaves = [numbers for _, numbers in trace.inputs]
        self.outputs = [_Output.of(trace, kernel.totals.get(output[0]), *output) for output in kernel.outputs]
        self.equals = kernel.equals
        self.loops: dict[Any, CompiledLoop] = {}
        self._code: tuple[Code, dict[int, int]] | None = None
        self._lock = new_lock(self)

    def way(self, arrays: list[Any]) -> Way:
        """How the outputs are computed of arrays of these shapes and strides. Raises Unsupported."""
        batches = []
        for array, core in zip(arrays, self.cores, strict=True):
            rank = array.ndim - len(core)
            if rank < 0 or (core and array.shape[rank:] != core):
                raise Unsupported("an array of another shape")
            batches.append(array.shape[:rank])
        groups = []
        for shape, reduced, places in self._grouped(batches):
            used = sorted(frozenset().union(*[self.outputs[place].inputs for place in places]))
            operands, own = [arrays[i] for i in used], [batches[i] for i in used]
            if reduced:
                run = self._to_totals(used, operands, own, shape, places, reduced == "all")
                groups.append(Group(places, used, run))
            else:
                groups.append(self._group(used, operands, own, shape, places))
        return Way(groups, len(self.outputs))

    def direct(self, arrays: Sequence[Any], wanted: tuple[Wanted, ...]) -> Direct | None:
        batches = [array.shape[: array.ndim - len(core)] for array, core in zip(arrays, self.cores, strict=True)]
        shape = broadcast(batches)
        count = math.prod(shape)
        if any(output.total for output in self.outputs):
            return None
        if np.result_type(*self.dtypes).kind != "f" and not all(isinstance(item, int) for item in wanted):
            return None
        outputs = [self._output(item) for item in wanted]
        used = sorted(frozenset().union(*[output.inputs for output in outputs]))
        if count < 2 and (shape or not all(output.core for output in outputs)):  # which come as NumPy's numbers
            return None
        if not _are_compact([arrays[i] for i in used], [batches[i] for i in used], shape):
            return None
        patterns = tuple([CONTIGUOUS if batches[i] else UNIFORM for i in used])
        loop = self._loop(wanted, used, patterns, count)
        loop.ran(count)
        if loop.calls_python or not loop.level:
            return None
        return self._direct(loop, used, outputs, count)

    def _direct(self, loop: CompiledLoop, used: Sequence[int], outputs: Sequence[_Output], count: int) -> Direct:
        leaves = {i: (self.cores[i], place) for place, i in enumerate(used)}
        operands = [(output.dtype, output.core, place) for place, output in enumerate(outputs, len(used))]
        return Direct(loop, _counts(count), self.threads, leaves, operands)

    def _output(self, wanted: Wanted) -> _Output:
        if isinstance(wanted, int):
            output: _Output = self.outputs[wanted]
            return output
        kind, value = wanted
        if kind == "input":
            return _Output(self.cores[value], self.dtypes[value], frozenset([value]), self.leaves[value])
        dtype = np.result_type(*self.dtypes)
        with self._lock:  # the code is one for all threads
            return _Output((), dtype, frozenset(), [self.code.const(value, KINDS[dtype])])

    def _group(
        self, used: Sequence[int], arrays: list[Any], batches: list[Any], shape: tuple[int, ...], places: Places
    ) -> Group:
        outputs = [self.outputs[place] for place in places]
        forms = [((*shape, *output.core), output.dtype) for output in outputs]
        count = math.prod(shape)
        if count == 0:
            return Group(places, used, to_rows([None] * len(used), forms, None))
        cores = [len(self.cores[i]) for i in used]
        operands = [whole_rows(array, core) for array, core in zip(arrays, cores, strict=True)]
        copies = [
            None if operand is array else functools.partial(whole_rows, rank=core)
            for array, core, operand in zip(arrays, cores, operands, strict=True)
        ]
        if not _are_compact(operands, batches, shape):
            strides = [broadcast_strides(a, batch, shape) for a, batch in zip(operands, batches, strict=True)]
            results = [np.empty(*form) for form in forms]
            run = self._strided(places, used, operands, strides, results, shape)
            return Group(places, used, to_rows(copies, forms, run))
        patterns = tuple([CONTIGUOUS if batch and count > 1 else UNIFORM for batch in batches])
        loop = self._loop(places, used, patterns, count)
        run_rows = to_rows(copies, forms, loop.runner(None, count, self.threads))
        known = all((one | other).isdisjoint(used) or one | other <= set(used) for one, other in self.equals)
        if loop.calls_python or not known or any(copy is not None for copy in copies):
            return Group(places, used, run_rows)
        direct = self._direct(loop, used, outputs, count)
        return Group(places, used, run_rows, functools.partial(self._builtin, direct, used))

    def _builtin(self, direct: Direct, used: Sequence[int], operands: Sequence[Any]) -> Any:
        numbers = [operand for operand in operands if not isinstance(operand, np.ndarray)]
        calls = ArrayCalls.of(len(used), len(direct.outputs), list, lambda *values: None)
        if calls is None or not direct.loop.level or not all(type(n) in (float, np.float64) for n in numbers):
            return None
        calls.learn(direct, operands, [self.cores[i] for i in used], used)
        return calls.call

    def _patterns(
        self, used: Sequence[int], operands: Sequence[Any], steps: Sequence[int], count: int
    ) -> tuple[str, ...]:
        rows = [a.itemsize * math.prod(self.cores[i]) for i, a in zip(used, operands, strict=True)]
        return tuple(
            [
                UNIFORM if s == 0 or count == 1 else CONTIGUOUS if s == row else STRIDED
                for s, row in zip(steps, rows, strict=False)
            ]
        )

    def _strided(
        self, places: Any, used: Any, operands: Any, strides: Any, results: Any, shape: tuple[int, ...]
    ) -> Runner:
        """Loops over all axes."""
        own = [result.strides[: len(shape)] for result in results]
        axes, lengths = coalesced([*strides, *own], shape)
        inner = innermost(lengths)
        count, total = lengths[inner], math.prod(lengths)
        if count < SHORT and total > 4 * count:
            return self._copied(places, used, strides, shape)
        outer = [axis for axis in range(len(lengths)) if axis != inner]
        steps = [operand[inner] for operand in axes]
        patterns = self._patterns(used, operands, steps, count)
        compact = all(
            s == result.itemsize * math.prod(self.outputs[p].core)
            for s, result, p in zip(steps[len(used) :], results, places, strict=True)
        )
        loop = self._loop(places, used, patterns, count, compact or count == 1)
        if not outer:
            return loop.runner(steps, count, self.threads)
        around = [[s[a] for a in (*outer, inner)] for s in axes]
        return loop.nest_runner([lengths[a] for a in outer], count, around, self.threads)

    def _copied(self, places: Any, used: Any, strides: Any, shape: tuple[int, ...]) -> Runner:
        """One loop over copies that have all axes: many short loops would cost more than these."""
        same = [not any(steps) for steps in strides]
        count = math.prod(shape)
        loop = self._loop(places, used, tuple([UNIFORM if alike else CONTIGUOUS for alike in same]), count)
        run = loop.runner(None, count, self.threads)
        wholes = [None if alike else (*shape, *self.cores[i]) for i, alike in zip(used, same, strict=True)]

        def copied(arrays: Sequence[Any]) -> None:
            copies = [a if form is None else whole(a, form) for a, form in zip(arrays, wholes, strict=False)]
            run([*copies, *arrays[len(wholes) :]])

        return copied

    def _loop(
        self,
        places: tuple[Wanted, ...],
        used: Sequence[int],
        patterns: tuple[str, ...],
        count: int,
        compact: bool = True,
    ) -> CompiledLoop:
        wide = count >= _wide()
        key = (places, patterns, compact, wide)
        loop = self.loops.get(key)
        if loop is None:
            with self._lock:
                loop = self.loops.get(key)
                if loop is None:
                    loop = self.loops[key] = self._compiled(places, used, patterns, compact, wide)
        return loop

    def _compiled(self, places: Any, used: Any, patterns: Any, compact: bool, wide: bool) -> CompiledLoop:
        code, inputs, outputs, size = self._operands(places, used, patterns, compact)
        entries = sum(n >= 0 for operand in (*inputs, *outputs) for n, _ in operand.lanes)
        single = all(operand.kind == "float" for operand in (*inputs, *outputs))
        width = width_of(host().bits, size, entries, single) if wide else 1
        return CompiledLoop(code, inputs, outputs, width, size)

    def text(self, width: int | None = None) -> KernelText:
        every = range(len(self.dtypes))
        code, inputs, outputs, size = self._operands(range(len(self.outputs)), every, [CONTIGUOUS for _ in every], True)
        return loop_text("kernel", code, inputs, outputs, width or width_of(host().bits, size), contract=False)

    def _operands(
        self, places: Any, used: Any, patterns: Any, compact: bool
    ) -> tuple[Code, list[Operand], list[Operand], int]:
        """The code of some outputs, its operands, and the number of instructions."""
        if self._code is None:
            wanted = [n for output in self.outputs for n in output.lanes]
            self._code = _written_out(self.code, wanted, self.contract)
        code, numbers = self._code
        written = [self._output(place) for place in places]
        for n in [n for output in written for n in output.lanes]:
            if n not in numbers:  # a leaf or a constant, which no output reads
                numbers[n] = code.emit(*self.code.instructions[n])
        inputs = [
            Operand(
                KINDS[self.dtypes[i]], tuple((numbers.get(n, -1), k) for k, n in enumerate(self.leaves[i])), pattern
            )
            for i, pattern in zip(used, patterns, strict=True)
        ]
        outputs = [
            Operand(
                KINDS[o.dtype],
                tuple((numbers[n], k) for k, n in enumerate(o.lanes)),
                CONTIGUOUS if compact else STRIDED,
            )
            for o in written
        ]
        return code, inputs, outputs, size_of(code, [n for output in outputs for n, _ in output.lanes])


def _written_out(code: Code, wanted: Sequence[int], contract: bool) -> tuple[Code, dict[int, int]]:
    """The code with elementary functions written out and (with `contract`) products fused, and the new number of each of `wanted`.

    It is that of all outputs also where only some are computed together, so that a row's values do not depend on which these are.
    """
    longer, numbers = expanded(code, wanted)
    if not contract:
        return longer, numbers
    new, places = fused(longer, [numbers[n] for n in wanted])
    return new, {n: places[place] for n, place in numbers.items() if place in places}


def _wide() -> int:
    """How many rows are enough for several at once."""
    return 2 * host().bits // 32


def _counts(count: int) -> tuple[int, int]:
    """The least and the most rows for which the loop is the same as for so many."""
    return (_wide(), 1 << 62) if count >= _wide() else (2, _wide() - 1) if count > 1 else (1, 1)


def _are_compact(operands: Sequence[Any], batches: Sequence[Any], shape: tuple[int, ...]) -> bool:
    """Whether each operand has all rows one after the other, or a single one for all."""
    return all(not b or b == shape for b in batches) and all(a.flags.c_contiguous for a in operands)
