"""Kernels whose outputs are reduced over batch axes while their rows are computed."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .lanes import Unsupported
from .layout import SHORT, broadcast, broadcast_strides, coalesced, whole, whole_rows
from .totals import SLACK, columns, of_rows
from .ways import Run

__all__ = ["BatchesDiffer", "Reducing"]

_MOST_TERMS = 1 << 20  # that are written before they are reduced
_SMALL = 4096  # rows, which may as well be written before they are reduced


class BatchesDiffer(Unsupported):
    """Batch axes are not the same where the kernel takes it that they are."""


class Reducing:
    """A part of the runtime's variant of a kernel, which has `outputs`, `cores` and loops."""

    outputs: list[Any]
    equals: set[tuple[frozenset[int], frozenset[int]]]
    cores: list[tuple[int, ...]]
    threads: int
    _loop: Any
    _patterns: Any
    _group: Any
    _strided: Any

    def _grouped(self, batches: Sequence[tuple[int, ...]]) -> list[tuple[tuple[int, ...], str, tuple[int, ...]]]:
        """The outputs that are computed together: those with the same rows, of which they keep the same."""
        for one, other in self.equals:
            if broadcast([batches[i] for i in one]) != broadcast([batches[i] for i in other]):
                raise BatchesDiffer("batches that differ")
        together: dict[Any, list[int]] = {}
        for place, output in enumerate(self.outputs):
            shape = broadcast([batches[i] for i in output.inputs])
            together.setdefault((shape, output.reduced), []).append(place)
        return [(shape, reduced, tuple(places)) for (shape, reduced), places in together.items()]

    def _to_totals(
        self,
        used: Sequence[int],
        arrays: list[Any],
        batches: list[Any],
        shape: tuple[int, ...],
        places: tuple[int, ...],
        of_all: bool,
    ) -> Run:
        """What reduces rows over the last axis, or over all, as one."""
        outputs = [self.outputs[place] for place in places]
        if not shape or 0 in shape or any(output.dtype.kind != "f" for output in outputs):
            rows, none = self._group(used, arrays, batches, shape, places).run, [None] * len(outputs)
            return lambda arrays, targets: [
                o.total.compute(r) for o, r in zip(outputs, rows(arrays, none), strict=True)
            ]
        outer = () if of_all else shape[:-1]
        kept = (1,) * len(shape) if of_all else (*outer, 1)
        forms = [kept if output.total.keepdims else outer for output in outputs]
        single = of_all or math.prod(outer) == 1
        find = (self._line if single else self._lines)(places, used, arrays, batches, shape)
        return lambda arrays, targets: [np.reshape(t, f)[()] for t, f in zip(find(arrays), forms, strict=True)]

    def _line(
        self, places: tuple[int, ...], used: Sequence[int], arrays: Sequence[Any], batches: list[Any], shape: Any
    ) -> Callable[[Sequence[Any]], list[Any]]:
        """What reduces all rows as those of one axis."""
        count = math.prod(shape)
        copies: list[Callable[[Any], Any]] = []
        steps = []
        for i, array, batch in zip(used, arrays, batches, strict=True):
            core, rank = self.cores[i], len(batch)
            copies.append(functools.partial(whole_rows, rank=len(core)))
            if not rank:
                steps.append(0)
            elif math.prod(shape[:-1]) == 1:
                steps.append(whole_rows(array, len(core)).strides[rank - 1] if batch[-1] != 1 else 0)
            else:
                copies[-1] = functools.partial(whole, shape=(*shape, *core))
                steps.append(array.itemsize * math.prod(core))  # the stride of an axis of length 1 can be any number
        loop = self._loop(places, used, self._patterns(used, arrays, steps, count), count)
        kinds = [(self.outputs[place].total.total, self.outputs[place].dtype) for place in places]
        run = loop.runner([*steps, *[dtype.itemsize for _, dtype in kinds]], count, 1)

        def find(arrays: Sequence[Any]) -> list[Any]:
            operands = [copy(array) for copy, array in zip(copies, arrays, strict=True)]
            if count > _SMALL:
                totals: list[Any] = loop.run_nest(operands, [1], count, [(0, s) for s in steps], self.threads, kinds)
                return totals
            terms = [np.empty(count + SLACK, dtype) for _, dtype in kinds]
            run([*operands, *terms])
            return [of_rows(operation, t, count) for (operation, _), t in zip(kinds, terms, strict=True)]

        return find

    def _lines(
        self, places: tuple[int, ...], used: Sequence[int], arrays: Sequence[Any], batches: list[Any], shape: Any
    ) -> Callable[[Sequence[Any]], list[Any]]:
        """What reduces the rows of each of many lines."""

        def find(arrays: Sequence[Any]) -> list[Any]:
            operands = [whole_rows(array, len(self.cores[i])) for i, array in zip(used, arrays, strict=True)]
            if shape[-1] < SHORT:
                step = max(1, _MOST_TERMS * shape[0] // math.prod(shape))
                parts = [
                    self._columns(places, used, operands, shape, slice(start, min(start + step, shape[0])))
                    for start in range(0, shape[0], step)
                ]
                return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
            strides = [broadcast_strides(a, batch, shape) for a, batch in zip(operands, batches, strict=True)]
            axes, lengths = coalesced([s[:-1] for s in strides], shape[:-1])
            steps = [s[-1] for s in strides]
            loop = self._loop(places, used, self._patterns(used, operands, steps, shape[-1]), shape[-1])
            kinds = [(self.outputs[place].total.total, self.outputs[place].dtype) for place in places]
            strides = [(*s, step) for s, step in zip(axes, steps, strict=True)]
            totals: list[Any] = loop.run_nest(operands, lengths, shape[-1], strides, self.threads, kinds)
            return totals

        return find

    def _columns(
        self, places: tuple[int, ...], used: Sequence[int], operands: Sequence[Any], shape: tuple[int, ...], part: slice
    ) -> list[Any]:
        """Rows reduced over a short last axis, which goes around the others here; a part of the first axis."""
        last = len(shape) - 1
        turned = [
            np.moveaxis(np.broadcast_to(a, (*shape, *self.cores[i]))[part], last, 0)
            for i, a in zip(used, operands, strict=True)
        ]
        lengths = (shape[last], part.stop - part.start, *shape[1:last])
        terms = [np.empty(lengths, self.outputs[place].dtype) for place in places]
        self._strided(places, used, turned, [a.strides[: len(shape)] for a in turned], terms, lengths)(
            [*turned, *terms]
        )
        return [columns(self.outputs[p].total.total, rows) for p, rows in zip(places, terms, strict=True)]
