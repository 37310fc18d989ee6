"""Finite sums and products over integers, in blocks of bounded memory.

The bounds may differ from row to row of the batch. Where the upper bound is below the lower one, Karr's convention holds, as in SymPy: the sum from
a to b is minus the sum from b + 1 to a - 1, and the product the reciprocal (M. Karr, "Summation in finite terms", J. ACM 28, 1981).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import BoundError
from ..graph import Node
from ..nodes import Constant, constant, placeholder
from ..shapes import Spec, broadcast, promote
from .arithmetic import multiply
from .array import expand_dims
from .base import Elementwise
from .functional import Functional, batch_of, core_of, parts_of, real_dtype, with_axis, without_axis
from .functional_body import ACCEPTED, Body, Doubts, along
from .logic import equal, less, where

__all__ = ["Ranges", "Total", "product_over", "sum_over"]

_BLOCK = 1 << 13  # numbers in one value of a block: a few dozens of them fit into a processor's cache
_MOST_TERMS = 1 << 40


class _Blockwise(Functional):
    """Evaluates the body on one block of integers after the other and combines what it gives, which is already reduced over the block."""

    attributes: ClassVar[tuple[str, ...]] = ("body", "target")
    bounds = 2
    what: ClassVar[str] = ""

    def __init__(self, body: Body, inputs: Sequence[Any], dtype: Any = np.float64, name: str | None = None) -> None:
        super().__init__(body, inputs, name)
        self.target = np.dtype(dtype)

    def like(self, body: Body, inputs: Sequence[Any]) -> Functional:
        return sum_over(body, inputs, self.target)

    def evaluate(self, bounds: Sequence[Any], free: Sequence[Any], xp: Any, doubts: Doubts | None) -> list[Any]:
        ranges = Ranges(bounds[0], bounds[1], self.what)
        ranks = self.body.ranks
        batch = np.broadcast_shapes(ranges.batch, batch_of(free, ranks))
        values = [with_axis(value, rank, xp) for value, rank in zip(free, ranks, strict=True)]
        within = Doubts(ACCEPTED if doubts is None else doubts.accepted)
        blocks = _Blocks(self.body, ranges, values, self.index_dtype(free), math.prod(batch), xp, within)
        totals = self.combined(blocks, xp)
        if doubts is not None:
            doubts.failures.extend(within.failures[:1])
            for error in within.errors:
                doubts.add(np.max(error, axis=-1, initial=0) if np.ndim(error) else error)
        outputs = [without_axis(total, rank, xp) for total, rank in zip(totals, self.body.out_ranks, strict=True)]
        if self.body.linear:
            return outputs
        value = self.finished(ranges, outputs[0], batch, xp)
        if doubts is None:
            within.check(value)
        return [value]

    def index_dtype(self, free: Sequence[Any]) -> np.dtype[Any]:
        """The dtype of the integers: that of the free inputs, so that single precision stays so; complex if `target` is."""
        real = real_dtype(free, np.empty(0, self.target).real.dtype)
        return np.result_type(real, np.complex64) if self.target.kind == "c" else real

    def free_gradients(self, body: Body, inputs: Sequence[Node], grad: Node) -> Sequence[Node | None]:
        if not body.linear:  # sums whose outputs are gradients are plain sums over the range
            grad = oriented(grad, inputs[0], inputs[1], body.out_ranks[0])
        return super().free_gradients(body, inputs, grad)

    def combined(self, blocks: Iterable[list[Any]], xp: Any) -> list[Any]:
        """All blocks as one value for each output."""
        raise NotImplementedError

    def finished(self, ranges: Ranges, value: Any, batch: tuple[int, ...], xp: Any) -> Any:
        """The value in all rows, with what Karr's convention asks for."""
        (rank,) = self.body.out_ranks
        if ranges.any_reversed:
            value = self.reverse(value, xp.reshape(ranges.sign, (*ranges.batch, *[1] * rank)), xp)
        if ranges.any_undefined:
            value = xp.where(xp.reshape(ranges.undefined, (*ranges.batch, *[1] * rank)), np.nan, value)
        shape = (*batch, *core_of(value, rank))
        return value if value.shape == shape else xp.broadcast_to(value, shape)

    def reverse(self, value: Any, sign: Any, xp: Any) -> Any:
        """The value where the range is reversed (`sign` is -1 there)."""
        raise NotImplementedError


class sum_over(_Blockwise):
    """The sum of the body over the integers from the first input to the second. Its gradient with respect to these is None.

    >>> powers = Body.of_function(lambda k, x: x**k, ranks=[0])
    >>> sum_over(powers.reduced(product=False), [0, [3, 4], 2.0]).eval()
    array([15., 31.])
    """

    what = "sum"

    def combined(self, blocks: Iterable[list[Any]], xp: Any) -> list[Any]:
        totals = [Total(xp) for _ in self.body.out_ranks]
        for outputs in blocks:
            for total, output in zip(totals, outputs, strict=True):
                total.add(output)
        return [total.value for total in totals]

    def reverse(self, value: Any, sign: Any, xp: Any) -> Any:
        return xp.multiply(value, sign)


class product_over(_Blockwise):
    """The product of the body over the integers from the first input to the second.

    `term` is the body of one factor; `nonzero` says that no factor is 0. Where factors are exactly 0 first and second derivatives are right, third
    ones only where no more than two factors are.

    >>> product_over(Body.of_function(lambda k: 1.0 * k, neutral=1.0), [1, [3, 5, 0]]).eval()
    array([  6., 120.,   1.])
    """

    attributes: ClassVar[tuple[str, ...]] = ("body", "term", "target", "nonzero")
    what = "product"

    def __init__(
        self, term: Body, inputs: Sequence[Any], dtype: Any = np.float64, nonzero: bool = False, name: str | None = None
    ) -> None:
        super().__init__(term.reduced(product=True), inputs, dtype, name)
        self.term, self.nonzero = term, nonzero

    def rewritten(self, rewrite: Callable[[Sequence[Node]], list[Node]]) -> Functional:
        return product_over(self.term.rewritten(rewrite), self.input_nodes, self.target, self.nonzero)

    def combined(self, blocks: Iterable[list[Any]], xp: Any) -> list[Any]:
        result: Any = None
        for (output,) in blocks:
            result = output if result is None else xp.multiply(result, output)
        return [result]

    def reverse(self, value: Any, sign: Any, xp: Any) -> Any:
        return xp.where(xp.less(sign, 0), xp.divide(1.0, value), value)

    def free_gradients(self, body: Body, inputs: Sequence[Node], grad: Node) -> Sequence[Node | None]:
        """The sum over all factors of the factor's gradient times the product of the others."""
        product: Node
        zeros: Node
        if self.nonzero:
            product, zeros = self, constant(0.0, graph=self.graph)
        else:
            ones = self.term.mapped("nonzero", lambda factor: where(equal(factor, 0), 1.0, factor))
            # factors that do not count are 1, and so no zeros; the derivative of factor + 1 is that of the factor
            flags = self.term.mapped("zeros", lambda factor: where(equal(factor, 0), factor + 1, 0.0))
            product = product_over(ones, inputs, self.target, nonzero=True)
            count = sum_over(flags.reduced(product=False), inputs, self.target)
            zeros = oriented(count, inputs[0], inputs[1], body.out_ranks[0])
        pulled, places = _factor_gradients(self.term)
        grad = oriented(grad, inputs[0], inputs[1], body.out_ranks[0])
        return parts_of(lambda: sum_over(pulled, [*inputs, product, zeros, grad], self.target), places)


def oriented(grad: Node, lower: Node, upper: Node, rank: int) -> Node:
    """A gradient with the signs of Karr's convention: its negative in rows whose range is reversed."""
    if isinstance(lower, Constant) and isinstance(upper, Constant) and lower.value <= upper.value + 1:
        return grad
    backwards = less(upper + 1, lower)
    return where(expand_dims(backwards, tuple(range(-rank, 0))) if rank else backwards, -grad, grad)


def _factor_gradients(term: Body) -> tuple[Body, list[int | None]]:
    """The body of the gradients of each factor times the product of the others; its last free inputs are that of the nonzero factors, the
    number of zeros, and the gradient with respect to the whole product."""
    (rank,) = term.out_ranks
    with term.graph._lock, term.graph.as_default():
        product, zeros, grad = (placeholder(name=name) for name in ("product", "zeros", "gradient"))

    def build(masked: bool) -> Sequence[Node | None]:
        (factor,) = term.nodes(masked)
        if factor is None or term.variable is None:
            return [None] * len(term.free)
        others = along(multiply(grad, other_factors(product, zeros, factor)), term.variable, rank)
        return term.vjp(factor, others)

    return term.with_gradients(build, [product, zeros, grad], [rank] * 3, "factors")


class other_factors(Elementwise):
    """The product of all factors but x, where `product` is that of all factors that are not 0 and `zeros` is how many others there are.

    >>> other_factors(10.0, 1.0, [2.0, 0.0, 5.0]).eval()
    array([ 0., 10.,  0.])
    """

    def __init__(self, product: Any, zeros: Any, x: Any, name: str | None = None) -> None:
        super().__init__(product, zeros, x, name=name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[spec.shape for spec in specs]), promote(specs[0].dtype, specs[2].dtype))

    def compute(self, product: Any, zeros: Any, x: Any, *, xp: Any = np) -> Any:
        zero = xp.equal(x, 0)
        without = xp.where(xp.logical_and(zero, xp.equal(zeros, 1)), product, 0.0)
        return xp.where(xp.equal(zeros, 0), xp.divide(product, xp.where(zero, 1.0, x)), without)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        product, zeros, x = self.input_nodes
        if isinstance(zeros, Constant):  # none
            return [grad / x, None, -(grad * self) / x]
        # what `zeros` is beyond a whole number is the sum of the factors that are 0, and with one of them among the others it is their product
        zero = equal(x, 0)
        safe = where(zero, 1.0, x)
        others = zeros - where(zero, x + 1, 0.0)
        single = equal(others, 1)
        scale = where(equal(others, 0), 1.0, where(single, others - 1, 0.0))
        by_zeros = where(single, product / safe, 0.0)
        by_x = where(zero, -by_zeros, -product * scale / (safe * safe))
        return [grad * scale / safe, grad * by_zeros, grad * by_x]


# --- ranges and blocks


class Ranges:
    """From the bounds' values: where each row begins, how many terms it has, and whether it is reversed."""

    def __init__(self, lower: Any, upper: Any, what: str) -> None:
        if self._is_simple(lower, upper):
            return
        first, last = whole(lower, "lower", what), whole(upper, "upper", what)
        first, last = np.broadcast_arrays(first, last)
        self.batch: tuple[int, ...] = first.shape
        self.undefined = np.isnan(first) | np.isnan(last)
        self.any_undefined = bool(self.undefined.any())
        if self.any_undefined:
            first, last = np.where(self.undefined, 0.0, first), np.where(self.undefined, -1.0, last)
        count = last - first + 1
        reversed_ = count < 0
        self.any_reversed = bool(reversed_.any())
        self.sign = np.where(reversed_, -1.0, 1.0)
        self.start = np.where(reversed_, last + 1, first)
        self.count = np.abs(count)
        self.most = int(self.count.max(initial=0))
        self.least = int(self.count.min()) if self.count.size else 0
        if self.most > _MOST_TERMS:
            raise BoundError(
                f"A {what} of {self.most:.3g} terms would take days; for an infinite one write oo as its bound"
            )
        begins = self.start[self.count > 0] if self.most else self.start
        self.common_start = float(begins.flat[0]) if begins.size and bool(np.all(begins == begins.flat[0])) else None
        # rows without terms are evaluated where another row is, and do not count
        self.safe_start = np.where(self.count > 0, self.start, begins.flat[0] if begins.size else 0.0)

    def _is_simple(self, lower: Any, upper: Any) -> bool:
        """Whether the bounds are two numbers, the second not below the first one; then that is all there is to know."""
        if not (isinstance(lower, (int, float)) and isinstance(upper, (int, float)) and lower <= upper < math.inf):
            return False
        if lower != math.floor(lower) or upper != math.floor(upper) or upper - lower >= _MOST_TERMS:
            return False
        self.batch, self.any_undefined, self.any_reversed = (), False, False
        self.common_start = float(lower)
        self.start = self.safe_start = np.asarray(lower, np.float64)
        self.count = np.asarray(upper - lower + 1, np.float64)
        self.most = self.least = int(upper - lower) + 1
        self.undefined, self.sign = np.asarray(False), np.asarray(1.0)
        return True

    def block(self, offsets: Any, base: int) -> tuple[Any, Any]:
        """The integers number base, base + 1, ... of each row, and which of them belong to it (None: all)."""
        last = base + len(offsets)
        mask = None if last <= self.least else offsets + base < self.count[..., None]
        if self.common_start is not None:
            return offsets + (self.common_start + base), mask
        inside = np.minimum(offsets + base, np.maximum(self.count - 1, 0)[..., None])
        return self.safe_start[..., None] + inside, mask


def whole(bound: Any, which: str, what: str) -> Any:
    """The values of a bound as float64, checked to be integers."""
    values = np.asarray(bound)
    if values.dtype.kind == "c":
        if np.any(values.imag != 0):
            raise BoundError(
                f"The {which} bound of a {what} is {_first(values, values.imag != 0)}, but must be an integer"
            )
        values = values.real
    values = values.astype(np.float64)
    if np.any(np.isinf(values)):
        raise BoundError(
            f"The {which} bound of a {what} is fed as infinity; for an infinite {what} write oo in the expression"
        )
    wrong = (values != np.floor(values)) & ~np.isnan(values)
    if np.any(wrong):
        raise BoundError(f"The {which} bound of a {what} is {_first(values, wrong)}, but must be an integer")
    return values


def _first(values: Any, where: Any) -> Any:
    return values[where].reshape(-1)[0]


class _Blocks:
    """What the body gives for one block of integers after the other.

    The length of a block is such that no value within the body holds many more numbers than _BLOCK, or than the largest value that does not
    grow with the length. Where that cannot be known beforehand, two short blocks come first, and the sizes of their values tell.
    """

    def __init__(
        self, body: Body, ranges: Ranges, values: Sequence[Any], dtype: Any, rows: int, xp: Any, doubts: Doubts
    ) -> None:
        self._body, self._ranges, self._values, self._dtype, self._xp = body, ranges, values, dtype, xp
        self._doubts = doubts
        self._slots: dict[bool, Any] = {}
        scalars = not any(body.ranks) and not any(body.out_ranks) and body.code().scalar
        self._length = max(_BLOCK // max(rows, 1), 1) if scalars else None

    def __iter__(self) -> Iterator[list[Any]]:
        if self._length is None and self._ranges.most > 2:
            sizes: tuple[list[int], list[int]] = ([], [])
            yield self._block(0, 1, sizes[0])
            yield self._block(1, 3, sizes[1])
            # a mask may come in from one block to the next, and then the steps are others
            length, base = _block_length(*sizes) if len(sizes[0]) == len(sizes[1]) else 1, 3
        else:
            length, base = self._length or 2, 0
        while base < self._ranges.most or base == 0:
            end = min(base + length, self._ranges.most)
            yield self._block(base, end)
            base = max(end, 1)

    def _block(self, base: int, end: int, sizes: list[int] | None = None) -> list[Any]:
        index, mask = self._ranges.block(np.arange(float(end - base)), base)
        masked = mask is not None
        code = self._body.code(masked)
        if masked not in self._slots:
            self._slots[masked] = code.start(self._values, self._xp, self._doubts)
        bound = [self._index(index), *([mask] if masked else [])]
        return code.run(self._slots[masked], bound, self._xp, self._doubts, sizes)

    def _index(self, index: Any) -> Any:
        exact = self._dtype.itemsize > (8 if self._dtype.kind == "c" else 4) or self._ranges.most < 1 << 24
        return self._xp.asarray(index, dtype=self._dtype if exact else np.float64)


def _block_length(first: Sequence[int], second: Sequence[int]) -> int:
    """From the sizes of the values in blocks of 1 and of 2 integers to the length of the following blocks."""
    growing = [b - a for a, b in zip(first, second, strict=True) if b > a]
    fixed = max((b for a, b in zip(first, second, strict=True) if b <= a), default=0)
    return max(max(_BLOCK, fixed // 8) // max(growing, default=1), 1)


class Total:
    """A sum of arrays that carries its rounding errors along (Knuth's TwoSum), unless they are so large that this would take most of the time."""

    def __init__(self, xp: Any) -> None:
        self._xp, self._sum, self._error = xp, None, None

    def add(self, x: Any) -> None:
        """Add an array of the shape of the others."""
        if self._sum is None:
            self._sum = x
            return
        a, total = self._sum, self._xp.add(self._sum, x)
        if math.prod(np.shape(total)) > _BLOCK:
            self._sum = total
            return
        b = total - a
        error = (a - (total - b)) + (x - b)
        self._sum, self._error = total, error if self._error is None else self._error + error

    @property
    def value(self) -> Any:
        """The sum."""
        if self._error is None:
            return self._sum
        return self._xp.where(self._xp.isfinite(self._error), self._sum + self._error, self._sum)
