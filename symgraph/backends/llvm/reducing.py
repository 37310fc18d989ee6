"""Kernels whose outputs are reduced over batch axes while their rows are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .layout import SHORT, broadcast_strides, coalesced, whole, whole_rows
from .totals import SLACK, columns, of_rows

__all__ = ["Reducing"]

_MOST_TERMS = 1 << 20  # that are written before they are reduced
_SMALL = 4096  # rows, which may as well be written before they are reduced


class Reducing:
    """A part of the runtime's variant of a kernel, which has `outputs`, `cores` and loops."""

    outputs: list[Any]
    cores: list[tuple[int, ...]]
    threads: int
    _loop: Any
    _patterns: Any
    _run_group: Any
    _run_strided: Any

    def _run_totals(
        self, arrays: list[Any], batches: list[Any], shape: tuple[int, ...], places: tuple[int, ...], of_all: bool
    ) -> list[Any]:
        """Rows reduced over the last axis, or over all, as one."""
        outputs = [self.outputs[place] for place in places]
        if not shape or math.prod(shape) == 0 or any(output.dtype.kind != "f" for output in outputs):
            whole_outputs = self._run_group(arrays, batches, shape, places, None)
            return [output.total.compute(r) for output, r in zip(outputs, whole_outputs, strict=True)]
        used = sorted(frozenset().union(*[output.inputs for output in outputs]))
        operands = [whole_rows(arrays[i], len(self.cores[i])) for i in used]
        inner = (math.prod(shape),) if of_all else shape[-1:]
        outer = () if of_all else shape[:-1]
        if of_all:
            operands = [
                whole(a, (*shape, *self.cores[i])) if batches[i] else a for i, a in zip(used, operands, strict=True)
            ]
            strides: list[tuple[int, ...]] = [
                (a.itemsize * math.prod(self.cores[i]) if batches[i] else 0,)
                for i, a in zip(used, operands, strict=True)
            ]
        else:
            strides = [broadcast_strides(a, batches[i], shape) for i, a in zip(used, operands, strict=True)]
        operations = [output.total.total for output in outputs]
        patterns = self._patterns(used, operands, [s[-1] for s in strides], inner[0])
        if inner[0] <= _SMALL and math.prod(outer) == 1:
            terms = [np.empty(inner[0] + SLACK, output.dtype) for output in outputs]
            loop = self._loop(places, used, patterns, inner[0])
            loop.run([*operands, *terms], [*[s[-1] for s in strides], *[r.itemsize for r in terms]], inner[0], 1)
            totals = [of_rows(operation, r, inner[0]) for operation, r in zip(operations, terms, strict=True)]
        elif inner[0] < SHORT and math.prod(outer) > 1:
            step = max(1, _MOST_TERMS * shape[0] // math.prod(shape))
            parts = [
                self._columns(places, used, operands, shape, slice(start, min(start + step, shape[0])))
                for start in range(0, shape[0], step)
            ]
            totals = [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
        else:
            axes, lengths = coalesced([s[:-1] for s in strides], outer)
            strides = [(*s, t[-1]) for s, t in zip(axes, strides, strict=True)]
            loop = self._loop(places, used, patterns, inner[0])
            kinds = [(operation, output.dtype) for operation, output in zip(operations, outputs, strict=True)]
            totals = loop.run_nest(operands, lengths, inner[0], strides, self.threads, kinds)
        kept = (1,) * len(shape) if of_all else (*outer, 1)
        return [np.reshape(t, kept if o.total.keepdims else outer)[()] for t, o in zip(totals, outputs, strict=True)]

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
        self._run_strided(places, used, turned, [a.strides[: len(shape)] for a in turned], terms, lengths)
        return [columns(self.outputs[p].total.total, rows) for p, rows in zip(places, terms, strict=True)]
