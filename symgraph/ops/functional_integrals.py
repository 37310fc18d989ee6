"""Integrals of the body over its variable, one for each row of the batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Node
from ..nodes import Constant
from .functional import Functional, at_point, batch_of, core_of, real_dtype
from .functional_body import ACCEPTED, TOLERATED, Body, Doubts, is_weak
from .functional_panels import Estimate
from .functional_quadrature import integrate
from .reduction import reduce_sum

__all__ = ["Rowwise", "integral_over"]

_ROWS = 1 << 11  # evaluated together
_POINTS = 1 << 16


class Rowwise(Functional):
    """A number for each row of the batch that comes from the body's values at points which a numerical method chooses.

    It is computed by NumPy in float64 (and then rounded, where the inputs are float32). A row for which the method finds no value of the accuracy
    wanted is nan; if that is so for every row, ConvergenceError says why. Within the body of another one larger errors are accepted, and
    told to that one, which weighs them.
    """

    attributes: ClassVar[tuple[str, ...]] = ("body", "target")
    what: ClassVar[str] = ""

    def __init__(self, body: Body, inputs: Sequence[Any], dtype: Any = np.float64, name: str | None = None) -> None:
        super().__init__(body, inputs, name)
        self.target = np.dtype(dtype)

    def like(self, body: Body, inputs: Sequence[Any]) -> Functional:
        return type(self)(body, inputs, self.target)

    def estimate(self, sampler: Sampler, bounds: Sequence[Any]) -> Estimate:
        """The values for the rows, given the bounds of each row."""
        raise NotImplementedError

    def evaluate(self, bounds: Sequence[Any], free: Sequence[Any], xp: Any, doubts: Doubts | None) -> list[Any]:
        bounds = [np.asarray(bound) for bound in bounds]
        free = [value if is_weak(value) else np.asarray(value) for value in free]
        batch = np.broadcast_shapes(*[bound.shape for bound in bounds], batch_of(free, self.body.ranks))
        rows = math.prod(batch)
        flat = [np.broadcast_to(bound, batch).reshape(rows) for bound in bounds]
        sampler = Sampler(self.body, free, batch, self.target.kind == "c")
        step = max(_ROWS // sampler.width, 1)
        told = Doubts(ACCEPTED) if doubts is None else doubts
        parts = [
            self._rows(sampler.part(i), [bound[i : i + step] for bound in flat], told) for i in range(0, rows, step)
        ]
        told.failures.extend(sampler.failures[:1])
        value = np.concatenate([part.value for part in parts]) if parts else np.zeros((0, sampler.width))
        if doubts is None and rows:
            told.check(value.sum(axis=-1))
        elif parts:
            told.add(np.concatenate([_relative(part) for part in parts]).reshape(batch))
        return [xp.asarray(v) for v in sampler.split(value, batch, real_dtype(free, np.float64))]

    def _rows(self, sampler: Sampler, bounds: Sequence[Any], told: Doubts) -> Estimate:
        """The values of some rows; nan where they are not accurate enough, or where the function itself is undefined."""
        with np.errstate(all="ignore"):
            estimate = self.estimate(sampler, bounds)
            scale = np.maximum(estimate.size, np.abs(estimate.value))
            failed = ~((estimate.error <= told.accepted * scale) & np.isfinite(scale)) & ~np.isnan(estimate.value)
        if failed.any() and not told.failures:
            at = np.unravel_index(np.argmax(failed), failed.shape)
            told.failures.append(
                f"The {self.what} does not converge, or not well enough: the estimated error is {estimate.error[at]:.1e}, "
                f"and the size {estimate.size[at]:.1e}. {self.advice}"
            )
        return estimate._replace(value=np.where(failed, np.nan, estimate.value))

    advice: ClassVar[str] = ""


class integral_over(Rowwise):
    """The integral of the body from the first input to the second; either may be infinite. Errors are usually below 1e-12, at most 1e-9, of the
    integral of the absolute value.

    >>> square = Body.of_function(lambda x: x * x)
    >>> integral_over(square, [0.0, [1.0, 3.0]]).eval()
    array([0.33333333, 9.        ])
    """

    bounds = 2
    what = "integral"
    advice = "It may diverge; if the integrand is singular inside the range, split the range there"

    def estimate(self, sampler: Sampler, bounds: Sequence[Any]) -> Estimate:
        return integrate(sampler, *bounds)

    def bound_gradients(self, body: Body, inputs: Sequence[Node], grad: Node) -> Sequence[Node | None]:
        """Leibniz's rule: the integrand at the bound."""
        lower, upper, *free = inputs
        (rank,) = body.out_ranks
        results: list[Node | None] = []
        for bound, sign in ((lower, -1), (upper, 1)):
            if isinstance(bound, Constant):
                results.append(None)
                continue
            term = grad * at_point(body.with_free_variable(), [bound, *free])
            term = reduce_sum(term, tuple(range(-rank, 0))) if rank else term
            results.append(term if sign > 0 else -term)
        return results


def _relative(part: Estimate) -> Any:
    """The largest relative error in each row; 0 where there is no value."""
    with np.errstate(all="ignore"):
        errors = part.error / np.maximum(part.size, np.abs(part.value))
    return np.max(np.where(np.isfinite(errors), errors, 0), axis=-1, initial=0)


class Sampler:
    """The values of a body's outputs at points, for rows of the batch: a function from row numbers (n,) and points (n, k) to (n, k, width).

    Attributes:
        width: the number of components.
        doubt: the relative errors (n, k) of the last values, where they come from numerical methods that doubt them; else None.
        failures: what such methods say where they found no value.
    """

    def __init__(self, body: Body, free: Sequence[Any], batch: tuple[int, ...], is_complex: bool) -> None:
        self._body, self._code, self._complex = body, body.code(), is_complex
        self._first = 0
        self.doubt: Any = None
        self.failures: list[str] = []
        self._shared = [
            is_weak(v) or math.prod(np.shape(v)[: np.ndim(v) - r]) == 1 for v, r in zip(free, body.ranks, strict=True)
        ]
        self._free = []
        for value, rank, shared in zip(free, body.ranks, self._shared, strict=True):
            core = core_of(value, rank)
            if not is_weak(value):
                value = (
                    value.reshape((1, *core))
                    if shared
                    else np.broadcast_to(value, (*batch, *core)).reshape((math.prod(batch), *core))
                )
            self._free.append(value)
        probe = self._outputs(np.zeros(0, int), np.zeros((0, 1)))  # no point at all, only shapes
        self._cores = [core_of(output, rank) for output, rank in zip(probe, body.out_ranks, strict=True)]
        self._sizes = [math.prod(core) for core in self._cores]
        self.width = max(sum(self._sizes), 1)

    def part(self, start: int) -> Sampler:
        """For the rows from start on, numbered from 0."""
        result = object.__new__(Sampler)
        result.__dict__.update(self.__dict__)
        result._first = start
        return result

    def __call__(self, rows: Any, x: Any) -> Any:
        count = max(_POINTS // max(x.shape[1] * self.width, 1), 1)
        doubts = []
        pieces = []
        for i in range(0, max(len(rows), 1), count):
            self.doubt = None
            pieces.append(self._values(rows[i : i + count], x[i : i + count]))
            doubts.append(self.doubt)
        if len(pieces) == 1:
            return pieces[0]
        if any(doubt is not None for doubt in doubts):
            parts = zip(doubts, pieces, strict=True)
            self.doubt = np.concatenate([np.zeros(p.shape[:2]) if d is None else d for d, p in parts])
        return np.concatenate(pieces)

    def _values(self, rows: Any, x: Any) -> Any:
        outputs = self._outputs(rows + self._first, x)
        flat = [
            np.broadcast_to(output, (*x.shape, *core)).reshape((*x.shape, size))
            for output, core, size in zip(outputs, self._cores, self._sizes, strict=True)
        ]
        return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=-1)

    def _outputs(self, rows: Any, x: Any) -> list[Any]:
        values = []
        for value, shared, rank in zip(self._free, self._shared, self._body.ranks, strict=True):
            core = core_of(value, rank)
            if not is_weak(value):
                value = (value if shared else value[rows])[:, None]
            # with a gradient among the inputs the outputs are gradients, and every point has one of its own
            values.append(np.broadcast_to(value, (*x.shape, *core)) if self._body.linear else value)
        if self._complex:
            x = x.astype(np.complex128)
        doubts = Doubts(TOLERATED)
        outputs = self._code.run(self._code.start(values, np, doubts), [x], np, doubts)
        self.failures.extend(doubts.failures[:1])
        for error in doubts.errors:
            error = np.broadcast_to(error, x.shape)
            self.doubt = error if self.doubt is None else np.fmax(self.doubt, error)
        return outputs

    def split(self, value: Any, batch: tuple[int, ...], dtype: Any) -> list[Any]:
        """The outputs from (rows, width), in their own shapes and in the precision of `dtype`."""
        wanted = np.result_type(dtype, np.complex64) if value.dtype.kind == "c" else dtype
        columns = np.split(value, np.cumsum(self._sizes)[:-1], axis=-1)
        return [
            np.asarray(column, dtype=wanted).reshape((*batch, *core))
            for column, core in zip(columns, self._cores, strict=True)
        ]
