"""Kernels whose outputs are reduced over batch axes while their rows are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .lanes import Unsupported
from .layout import SHORT, broadcast, broadcast_strides, coalesced, whole, whole_rows
from .totals import SLACK, columns, of_rows
from .ways import Way

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
    _way_to_rows: Any
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

    def _way_to_totals(
        self, arrays: list[Any], batches: list[Any], shape: tuple[int, ...], places: tuple[int, ...], of_all: bool
    ) -> Way:
        """Rows reduced over the last axis, or over all, as one."""
        outputs = [self.outputs[place] for place in places]
        if shape and 0 not in shape and all(output.dtype.kind == "f" for output in outputs):
            return lambda arrays, targets: self._totals(list(arrays), batches, shape, places, of_all)
        rows = self._way_to_rows(arrays, batches, shape, places)
        none = [None] * len(outputs)
        return lambda arrays, targets: [o.total.compute(r) for o, r in zip(outputs, rows(arrays, none), strict=True)]

    def _totals(
        self, arrays: list[Any], batches: list[Any], shape: tuple[int, ...], places: tuple[int, ...], of_all: bool
    ) -> list[Any]:
        outputs = [self.outputs[place] for place in places]
        used = sorted(frozenset().union(*[output.inputs for output in outputs]))
        operands = [whole_rows(arrays[i], len(self.cores[i])) for i in used]
        outer = () if of_all else shape[:-1]
        if of_all or math.prod(outer) == 1:
            totals = self._line(places, used, operands, batches, shape)
        elif shape[-1] < SHORT:
            step = max(1, _MOST_TERMS * shape[0] // math.prod(shape))
            parts = [
                self._columns(places, used, operands, shape, slice(start, min(start + step, shape[0])))
                for start in range(0, shape[0], step)
            ]
            totals = [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
        else:
            strides = [broadcast_strides(a, batches[i], shape) for i, a in zip(used, operands, strict=True)]
            axes, lengths = coalesced([s[:-1] for s in strides], outer)
            steps = [s[-1] for s in strides]
            loop = self._loop(places, used, self._patterns(used, operands, steps, shape[-1]), shape[-1])
            kinds = [(output.total.total, output.dtype) for output in outputs]
            strides = [(*s, step) for s, step in zip(axes, steps, strict=True)]
            totals = loop.run_nest(operands, lengths, shape[-1], strides, self.threads, kinds)
        kept = (1,) * len(shape) if of_all else (*outer, 1)
        return [np.reshape(t, kept if o.total.keepdims else outer)[()] for t, o in zip(totals, outputs, strict=True)]

    def _line(
        self, places: tuple[int, ...], used: Sequence[int], operands: list[Any], batches: list[Any], shape: Any
    ) -> list[Any]:
        """All rows reduced as those of one axis."""
        outputs, count = [self.outputs[place] for place in places], math.prod(shape)
        steps = []
        for k, i in enumerate(used):
            array, rank = operands[k], len(batches[i])
            if not rank:
                steps.append(0)
            elif len(shape) == 1 or math.prod(shape[:-1]) == 1:
                steps.append(array.strides[rank - 1] if batches[i][-1] != 1 else 0)
            else:
                array = operands[k] = whole(array, (*shape, *self.cores[i]))
                steps.append(
                    array.itemsize * math.prod(self.cores[i])
                )  # the stride of an axis of length 1 can be any number
        loop = self._loop(places, used, self._patterns(used, operands, steps, count), count)
        kinds = [(output.total.total, output.dtype) for output in outputs]
        if count > _SMALL:
            totals: list[Any] = loop.run_nest(operands, [1], count, [(0, s) for s in steps], self.threads, kinds)
            return totals
        terms = [np.empty(count + SLACK, dtype) for _, dtype in kinds]
        loop.runner([*steps, *[t.itemsize for t in terms]], count, 1)([*operands, *terms])
        return [of_rows(operation, t, count) for (operation, _), t in zip(kinds, terms, strict=True)]

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
