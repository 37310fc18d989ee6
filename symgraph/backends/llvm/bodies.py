"""Sums and products whose terms are rows of a kernel, which puts them together while it computes them.

A body (`ops.functional_body`) is code for whole blocks of terms. What a sum's body gives for a block is what it gives for the single terms, added.
For a single term, what sums over the block, or sums a gradient back, does nothing; so without these steps the body is a program of which each row
is a term, mostly one kernel. In the end its outputs are reduced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...graph import Node, postorder
from ...nodes import Constant, Operation
from ...ops.arithmetic import add, add_n
from ...ops.base import Elementwise
from ...ops.functional import batch_of, with_axis, without_axis
from ...ops.functional_body import Code, along, is_weak
from ...ops.functional_sums import Ranges, product_over, sum_over
from ...ops.indexing import add_elements
from ...ops.reduction import reduce_prod, reduce_sum
from ...program import Program, Step
from .. import Compiler
from .lanes import Unsupported
from .partition import Kernel, partition
from .reads import Block, Read, same, summed_back
from .totals import BLOCK

__all__ = ["Terms"]

_FUSED = 1 << 20  # terms of a block of which nothing is kept but the totals
_KEPT = 1 << 16  # numbers in an array that has an entry for each term

_NOTHING = bytes(16)  # what a kernel is given that only needs to know how many terms there are


class Terms:
    """What computes a sum or a product, and of the outputs of its body only the `wanted` ones (None: all). A body without a kernel is left to NumPy.

    >>> from symgraph.backends.llvm import compile_program
    >>> from symgraph.ops.functional_body import Body
    >>> squares = Body.of_function(lambda k, x: x * k * k, ranks=[0]).reduced(product=False)
    >>> Terms(sum_over(squares, [1, 3, 0.0]), None, compile_program)(1, 3, np.array([1.0, 10.0]))
    array([ 14., 140.])
    """

    def __init__(self, operation: sum_over | product_over, wanted: set[int] | None, compiler: Compiler) -> None:
        self._operation, self._wanted, self._compiler = operation, wanted, compiler
        self._rows: dict[bool, _Rows | Unsupported] = {}

    def __call__(self, *values: Any) -> Any:
        try:
            return self._computed(values[:2], values[2:])
        except Unsupported:
            return self._operation.compute(*values)

    def _of(self, masked: bool) -> _Rows:
        if masked not in self._rows:
            try:
                self._rows[masked] = _Rows(self._operation, masked, self._wanted, self._compiler)
            except Unsupported as error:
                self._rows[masked] = error
        rows = self._rows[masked]
        if isinstance(rows, Unsupported):
            raise Unsupported(*rows.args)
        return rows

    def _computed(self, bounds: Sequence[Any], free: Sequence[Any]) -> Any:
        operation, body = self._operation, self._operation.body
        dtype = operation.index_dtype(free)
        if dtype.kind != "f":
            raise Unsupported("complex numbers")
        ranges = Ranges(bounds[0], bounds[1], operation.what)
        rows = self._of(ranges.least < ranges.most)
        batch = _batch(ranges, free, body.ranks)
        given = [
            np.asarray(value, dtype) if is_weak(value) else value if not rank and not batch else with_axis(value, rank)
            for value, rank in zip(free, body.ranks, strict=True)
        ]
        totals = operation.combined(rows.blocks(ranges, given, batch, dtype), np)
        if not body.linear:
            return operation.finished(ranges, without_axis(totals[0], 0), batch, np)
        results = [
            without_axis(summed_back(total, given[target].shape), body.ranks[target])
            if batch and asked
            else total.reshape(total.shape[1:])
            if asked
            else None
            for total, target, asked in zip(totals, body.targets, rows.asked, strict=True)
        ]
        return results[0] if len(results) == 1 else tuple(results)


def _batch(ranges: Ranges, free: Sequence[Any], ranks: Sequence[int]) -> tuple[int, ...]:
    if not ranges.batch and all(np.ndim(value) == rank for value, rank in zip(free, ranks, strict=True)):
        return ()
    return np.broadcast_shapes(ranges.batch, batch_of(free, ranks))


def _is_step(node: Node) -> bool:
    """Whether a node is computed for each term."""
    return isinstance(node, Elementwise) and node.takes_xp


def _inputs(node: Node) -> list[Node]:
    return [same(source) for source in node.input_nodes] if _is_step(node) else []


def _scattered(node: Node) -> list[Node]:
    """The steps that put terms into an array, whose sum a node is."""
    found: list[Node] = []
    waiting = [node]
    while waiting:
        node = same(waiting.pop())
        if isinstance(node, add_elements):
            found.append(node)
        elif isinstance(node, (add, add_n)):
            waiting += node.input_nodes
        else:
            raise Unsupported("an array that is computed")
    return found


class _Rows:
    """The terms of a body as rows of a program, and what the program reads.

    Its leaves are the variable and the mask, the free inputs that are numbers, what other steps than elementwise ones make of free inputs, and
    entries that are read from arrays.

    Attributes:
        asked: for each output of the body whether it is computed; the others are 0.
    """

    def __init__(
        self, operation: sum_over | product_over, masked: bool, wanted: set[int] | None, compiler: Compiler
    ) -> None:
        body = self._body = operation.body
        nodes = body.nodes(masked)
        self._kind: type[reduce_sum | reduce_prod] = reduce_prod if operation.what == "product" else reduce_sum
        if not body.linear:
            if type(nodes[0]) is not self._kind:
                raise Unsupported("a body of another form")
            nodes = [*nodes[0].input_nodes]  # the terms themselves
        assert body.variable is not None
        self._masked = masked
        self._bound: list[Node] = [body.variable, *([body.mask] if masked and body.mask is not None else [])]
        self.asked = [n is not None and (wanted is None or place in wanted) for place, n in enumerate(nodes)]
        self._scatters: list[list[Read]] = []  # for each output that is an array how terms are put into it
        heads: list[Node] = []
        for node, rank, asked in zip(nodes, body.out_ranks, self.asked, strict=True):
            if node is None or not asked:
                self._scatters.append([])
                continue
            into = _scattered(node) if rank else []
            self._scatters.append([Read(n, self._bound, body.free) for n in into])
            heads += [same(n.input_nodes[0]) for n in into] or [same(node)]
        self._compile(heads, compiler)

    def _compile(self, heads: Sequence[Node], compiler: Compiler) -> None:
        order = postorder(heads, _inputs)
        varying = set(self._bound)
        for node in postorder(heads):
            if any(source in varying for source in node.input_nodes):
                varying.add(node)
        constants = [node for node in order if isinstance(node, Constant)]
        steps = [node for node in order if _is_step(node)]
        others = [node for node in order if node not in {*self._bound, *constants, *steps}]
        free = list(self._body.free)
        numbers = [node for node in others if node in free]
        self._numbers = [free.index(node) for node in numbers]
        if any(np.ndim(n.value) for n in constants) or any(self._body.ranks[place] for place in self._numbers):
            raise Unsupported("arrays that are not read entry by entry")
        once = [node for node in others if node not in free and node not in varying]
        reads = [node for node in others if node not in free and node in varying]
        self._once = Code([], free, once)
        self._reads = [Read(node, self._bound, free) for node in reads]
        leaves = [*self._bound, *numbers, *once, *reads]
        number = {node: i for i, node in enumerate([*leaves, *constants, *steps])}
        code = [Step(n, tuple(number[s] for s in _inputs(n)), number[n]) for n in steps if isinstance(n, Operation)]
        self._needs_index = any(0 in step.inputs for step in code) or self._bound[0] in heads
        outputs, next_number, rest = [], len(number), iter(heads)
        for into, asked in zip(self._scatters, self.asked, strict=True):
            for _ in range(len(into) or asked):
                head = next(rest)
                with head.graph._lock:
                    term = along(head, self._bound[0])
                    total = self._kind(term, -1, True)
                code.append(Step(term, (number[head], 0), next_number))
                if not into:
                    code.append(Step(total, (next_number,), next_number + 1))
                outputs.append(code[-1].output)
                next_number = outputs[-1] + 1
        program = Program(len(leaves), tuple(node.value for node in constants), tuple(code), tuple(outputs))
        items = [item for stage in partition(program) for item in stage]
        self._fused = len(items) == 1 and isinstance(items[0], Kernel)
        self._run = compiler(program)

    def blocks(
        self, ranges: Ranges, given: Sequence[Any], batch: tuple[int, ...], dtype: np.dtype[Any]
    ) -> Iterator[list[Any]]:
        """For one block of terms after the other what each output is of them, for all rows of the batch."""
        if not ranges.most:
            raise Unsupported("no terms")
        once = self._once.run(self._once.start(given), ())
        fixed = [_as_rows(value, dtype) for value in [*[given[place] for place in self._numbers], *once]]
        common = not self._masked and ranges.common_start is not None
        length = self._length(common, int(np.prod(batch)))
        for base in range(0, ranges.most, length):
            count = min(length, ranges.most - base)
            start = ranges.common_start + base if common and ranges.common_start is not None else None
            block = Block(start, count, lambda base=base, count=count: self._values(ranges, base, count, dtype))  # type: ignore[misc]
            if self._needs_index or start is None:
                bound = block.bound()
            else:
                bound = [np.ndarray(count, dtype, _NOTHING, strides=(0,))]
            results = iter(self._run([*bound, *fixed, *[read.value(given, block) for read in self._reads]]))
            yield [
                self._part(results, into, given, block, batch) if asked else 0.0
                for into, asked in zip(self._scatters, self.asked, strict=True)
            ]

    def _length(self, common: bool, rows: int) -> int:
        """How many terms a block has."""
        if any(self._scatters):
            return max((1 << 22) // max(rows, 1), 1)
        if common and self._fused:
            return _KEPT if self._needs_index else _FUSED
        return max(_KEPT // max(rows, 1), min(BLOCK, 1 + (1 << 22) // max(rows, 1)))

    def _values(self, ranges: Ranges, base: int, count: int, dtype: np.dtype[Any]) -> list[Any]:
        """Those of the variable and of the mask."""
        index, mask = ranges.block(np.arange(float(count)), base)
        exact = dtype.itemsize > 4 or ranges.most < 1 << 24
        index = index.astype(dtype if exact else np.float64, copy=False)
        return [index, np.ones(count, bool) if mask is None else mask][: len(self._bound)]

    def _part(
        self, results: Iterator[Any], into: Sequence[Read], given: Sequence[Any], block: Block, batch: tuple[int, ...]
    ) -> Any:
        if not into:
            total = next(results)
            return np.broadcast_to(total, (*batch, 1)) if self._body.linear and batch else total
        array = np.zeros(given[into[0].place].shape, given[into[0].place].dtype)
        for read in into:
            read.scatter(next(results), array, given, block)
        return array


def _as_rows(value: Any, dtype: np.dtype[Any]) -> Any:
    """Numbers, for all rows of the batch or for each, which then have an axis of length 1 for the terms."""
    array = np.asarray(value, dtype) if is_weak(value) else np.asarray(value)
    if array.dtype.kind not in "fb" or array.shape[-1:] not in ((), (1,)):
        raise Unsupported("an input that is no real number")
    return array
