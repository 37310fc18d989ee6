"""Operations on the last axes of arrays: `einsum`, which combines pairs in the order that costs least, and reshaping."""

from __future__ import annotations

import importlib
import math
import string
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..shapes import UNKNOWN, Spec, broadcast, format_shape, promote
from .array import reshape_like
from .base import PureOperation, core_rank
from .creation import whole_number


@lru_cache(maxsize=1024)
def _terms(equation: str) -> tuple[tuple[str, ...], str, bool]:
    """The labels of each input and of the output, and whether there are batch axes ('...') in front."""
    text = equation.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    bare = [term.removeprefix("...") for term in terms]
    letters = "".join(bare)
    if not arrow:
        once = sorted(letter for letter in set(letters) if letters.count(letter) == 1)
        output = ("..." if "..." in inputs else "") + "".join(once)
    result = output.removeprefix("...")
    if not all(letter.isalpha() for letter in letters + result):
        raise ValueError(
            f"{equation!r} is not an einsum equation: labels are letters, and '...' stands first in a term"
        )
    if len(set(result)) < len(result) or not set(result) <= set(letters):
        raise ValueError(f"{equation!r}: each label of the output must be one of the inputs, and stand there once")
    batched = "..." in inputs
    if batched != output.startswith("..."):
        raise ValueError(f"{equation!r}: '...' must be in the output if it is in an input, and only then")
    return tuple(terms), result, batched


def _standard(equation: str) -> str:
    """The same equation with labels in order, so that equal contractions have equal texts."""
    terms, output, batched = _terms(equation)
    names: dict[str, str] = {}
    fresh = iter(LABELS)
    for letter in "".join(term.removeprefix("...") for term in terms):
        if letter not in names:
            names[letter] = next(fresh)
    inputs = ["".join(names.get(letter, letter) for letter in term) for term in terms]
    return f"{','.join(inputs)}->{'...' if batched else ''}{''.join(names[letter] for letter in output)}"


LABELS = string.ascii_letters + "".join(chr(n) for n in range(0x3B1, 0x3CA)) + "".join(map(chr, range(0x4E00, 0x5000)))


class einsum(PureOperation):
    """The sum over all labels that are not in the output of the products of the inputs' entries: `einsum("ij,jk->ik", a, b)`.

    A leading '...' stands for batch axes, which are broadcast. Axes of one label must have one length. Inputs are combined in pairs, in the
    order that `opt_einsum` (if it is installed) or `numpy.einsum_path` finds for their sizes; no product is larger than it has to be.

    >>> einsum("ij,jk->ik", [[1, 2]], [[3], [4]]).eval()
    array([[11]])
    """

    attributes = ("equation",)

    def __init__(self, equation: str, *inputs: Any, name: str | None = None) -> None:
        super().__init__(inputs, name)
        self.equation = _standard(equation)
        if len(_terms(self.equation)[0]) != len(inputs):
            raise ValueError(f"{equation!r} is for {len(_terms(self.equation)[0])} inputs, but {len(inputs)} are given")

    @property
    def rowwise(self) -> bool:
        """Each term with batch axes, and each label an axis that is known to be there; no other axes, which would be a batch too."""
        terms, _, _ = _terms(self.equation)
        return all(
            term.startswith("...") and core_rank(node) == len(term) - 3
            for term, node in zip(terms, self.input_nodes, strict=True)
        )

    def infer(self, *specs: Spec) -> Spec:
        terms, output, _ = _terms(self.equation)
        sizes: dict[str, Any] = {}
        loops: list[Any] = []
        for term, spec in zip(terms, specs, strict=True):
            labels = term.removeprefix("...")
            known = spec.shape[spec.shape[:1] == (...,) :]
            is_open = spec.shape[:1] == (...,)
            if (len(known) < len(labels) and not is_open) or (len(known) > len(labels) and labels == term):
                raise ShapeError(f"einsum needs {len(labels)} axes for {term!r}, not {format_shape(spec.shape)}")
            _note_sizes(sizes, labels, known[len(known) - len(labels) :] if len(known) >= len(labels) else (), self)
            loops.append(
                ()
                if labels == term
                else spec.shape[: len(spec.shape) - len(labels)]
                if len(known) >= len(labels)
                else UNKNOWN
            )
        if len(terms) > 2 and all(isinstance(sizes.get(letter), int) for letter in set("".join(terms)) - {"."}):
            contraction_order(terms, output, tuple(sizes.items()))
        return Spec((*broadcast(*loops), *[sizes.get(letter) for letter in output]), promote(*[s.dtype for s in specs]))

    def compute(self, *values: Any, xp: Any = np) -> Any:
        terms, output, _ = _terms(self.equation)
        labels = [term.removeprefix("...") for term in terms]
        dtype = xp.result_type(*values)  # in which a Python number takes part without a dtype of its own
        arrays = [value if hasattr(value, "shape") else xp.asarray(value, dtype=dtype) for value in values]
        sizes: dict[str, Any] = {}
        for term, label, array in zip(terms, labels, arrays, strict=True):
            if array.ndim < len(label) or (array.ndim > len(label) and term == label):
                raise ShapeError(f"einsum needs {len(label)} axes for {term!r}, not {format_shape(array.shape)}")
            _note_sizes(sizes, label, array.shape[array.ndim - len(label) :], self)
        order = contraction_order(terms, output, tuple(sizes.items())) if len(terms) > 2 else [tuple(range(len(terms)))]
        for group in order:
            rest = [i for i in range(len(arrays)) if i not in group]
            keep = set(output).union(*[labels[i] for i in rest])
            array, label = _combined([(arrays[i], labels[i]) for i in group], keep, xp)
            arrays, labels = [*[arrays[i] for i in rest], array], [*[labels[i] for i in rest], label]
        return _ordered(arrays[0], labels[0], output, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [self._gradient_of(place, grad) for place in range(len(self.input_nodes))]

    def _gradient_of(self, place: int, grad: Node) -> Node:
        """With respect to one input: the contraction of the gradient with all others. Labels that only this input has are spread by ones, a
        label that it has twice by an identity matrix."""
        terms, output, batched = _terms(self.equation)
        x = self.input_nodes[place]
        labels = terms[place].removeprefix("...")
        others = [i for i in range(len(terms)) if i != place]
        spare = iter(letter for letter in LABELS if letter not in "".join(terms))
        dots = "..." if batched else ""
        inputs = [grad, *[self.input_nodes[i] for i in others]]
        equation = [dots + output, *[terms[i] for i in others]]
        reached = set(output).union(*[terms[i] for i in others])
        result = ""
        for axis, letter in enumerate(labels, -len(labels)):
            if letter in result:
                again = next(spare)
                inputs.append(unit_like(x, axis, 2))
                equation.append(letter + again)
                result += again
                continue
            if letter not in reached:
                inputs.append(unit_like(x, axis, 1))
                equation.append(letter)
            result += letter
        return einsum(f"{','.join(equation)}->{dots}{result}", *inputs)


def _note_sizes(sizes: dict[str, Any], labels: str, lengths: Sequence[Any], op: einsum) -> None:
    for label, length in zip(labels, lengths, strict=False):
        if length is not None and sizes.setdefault(label, length) != length:
            raise ShapeError(f"einsum {op.equation!r}: the axes {label!r} have lengths {sizes[label]} and {length}")


class unit_like(PureOperation):
    """Ones (`rank` 1) or the identity matrix (`rank` 2), of the dtype of x and as long as its axis `axis`.

    >>> unit_like([[2.0, 3.0]], axis=-1, rank=1).eval()
    array([1., 1.])
    """

    attributes = ("axis", "rank")

    def __init__(self, x: Any, axis: int = -1, rank: int = 1, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis, self.rank = int(axis), int(rank)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((None,) * self.rank, promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        n = x.shape[self.axis]
        return xp.eye(n, dtype=x.dtype) if self.rank == 2 else xp.ones(n, dtype=x.dtype)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


# --- the order


@lru_cache(maxsize=1024)
def contraction_order(terms: tuple[str, ...], output: str, sizes: tuple[tuple[str, int], ...]) -> list[tuple[int, ...]]:
    """Which inputs to combine, step by step: positions in a list from which they are taken out, the result coming last.

    >>> contraction_order(("ab", "bc", "c"), "a", (("a", 9), ("b", 9), ("c", 9)))
    [(1, 2), (0, 1)]
    """
    length = dict(sizes)
    bare = [term.removeprefix("...") for term in terms]
    shapes = [tuple(length[letter] for letter in term) for term in bare]
    equation = f"{','.join(bare)}->{output}"
    try:
        planner = importlib.import_module("opt_einsum")
    except ImportError:
        planner = None
    if planner is not None:
        return [tuple(group) for group in planner.contract_path(equation, *shapes, shapes=True, optimize="auto")[0]]
    if not equation.isascii():  # more labels than NumPy's planner knows: from left to right
        return [(0, 1), *[(0, len(terms) - n) for n in range(2, len(terms))]]
    samples = [np.broadcast_to(np.float64(0), shape) for shape in shapes]
    path = np.einsum_path(equation, *samples, optimize="optimal" if len(terms) <= 6 else "greedy")[0]
    return [tuple(group) for group in path[1:]]


# --- one step


def _combined(factors: Sequence[tuple[Any, str]], keep: set[str], xp: Any) -> tuple[Any, str]:
    """The product of some factors, summed over all labels that are not kept."""
    pending = [
        _alone(array, labels, keep.union(*[other for j, (_, other) in enumerate(factors) if j != i]), xp)
        for i, (array, labels) in enumerate(factors)
    ]
    array, labels = pending[0]
    for place, (other, other_labels) in enumerate(pending[1:], 1):
        needed = keep.union(*[later for _, later in pending[place + 1 :]])
        array, labels = _pair(array, labels, other, other_labels, needed, xp)
    return array, labels


def _alone(x: Any, labels: str, keep: set[str], xp: Any) -> tuple[Any, str]:
    """One factor with each label once, summed over those that nothing else needs."""
    while len(set(labels)) < len(labels):
        twice = next(letter for letter in labels if labels.count(letter) > 1)
        first, second = labels.index(twice), labels.rindex(twice)
        x = _ordered_axes(x, [i for i in range(len(labels)) if i not in (first, second)] + [first, second], xp)
        x = xp.linalg.diagonal(x)
        labels = "".join(letter for i, letter in enumerate(labels) if i not in (first, second)) + twice
    alone = tuple(i - len(labels) for i, letter in enumerate(labels) if letter not in keep)
    return (xp.sum(x, axis=alone) if alone else x), "".join(letter for letter in labels if letter in keep)


def _pair(a: Any, a_labels: str, b: Any, b_labels: str, keep: set[str], xp: Any) -> tuple[Any, str]:
    """The product of two factors, summed over common labels that are not kept: a matrix product, or a plain product if there is no such label."""
    common = [letter for letter in a_labels if letter in b_labels]
    batch = "".join(letter for letter in common if letter in keep)
    summed = "".join(letter for letter in common if letter not in keep)
    left = "".join(letter for letter in a_labels if letter not in b_labels)
    right = "".join(letter for letter in b_labels if letter not in a_labels)
    a = _ordered(a, a_labels, batch + left + summed, xp)
    b = _ordered(b, b_labels, batch + summed + right, xp)
    a_loops, b_loops = a.ndim - len(a_labels), b.ndim - len(b_labels)
    shared, rows = a.shape[a_loops : a_loops + len(batch)], a.shape[a_loops + len(batch) : a.ndim - len(summed)]
    columns = b.shape[b.ndim - len(right) :]
    if not summed:
        a = xp.reshape(a, (*a.shape, *[1] * len(right)))
        b = xp.reshape(b, (*b.shape[: b_loops + len(batch)], *[1] * len(left), *columns))
        return xp.multiply(a, b), batch + left + right
    inner = math.prod(a.shape[a.ndim - len(summed) :])
    a = xp.reshape(a, (*a.shape[:a_loops], *shared, math.prod(rows), inner))
    b = xp.reshape(b, (*b.shape[:b_loops], *shared, inner, math.prod(columns)))
    product = xp.matmul(a, b)
    return xp.reshape(product, (*product.shape[:-2], *rows, *columns)), batch + left + right


def _ordered(x: Any, labels: str, wanted: str, xp: Any) -> Any:
    return _ordered_axes(x, [labels.index(letter) for letter in wanted], xp)


def _ordered_axes(x: Any, places: Sequence[int], xp: Any) -> Any:
    loops = x.ndim - len(places)
    return (
        x
        if list(places) == list(range(len(places)))
        else xp.permute_dims(x, (*range(loops), *[loops + p for p in places]))
    )


# --- the last axes in another shape


class reshape_core(PureOperation):
    """The last `rank` axes of x in another shape, whose lengths are numbers or nodes; the axes before them stay.

    >>> reshape_core([[1, 2], [3, 4]], [2, 1], rank=1).eval().shape
    (2, 2, 1)
    """

    attributes = ("target", "rank")

    def __init__(self, x: Any, lengths: Sequence[Any], rank: int, name: str | None = None) -> None:
        fixed = [isinstance(length, (int, np.integer)) for length in lengths]
        super().__init__([x, *[length for length, known in zip(lengths, fixed, strict=True) if not known]], name)
        self.target = tuple(int(n) if known else None for n, known in zip(lengths, fixed, strict=True))
        self.rank = int(rank)

    @property
    def rowwise(self) -> bool:
        return core_rank(self.input_nodes[0]) >= self.rank

    def infer(self, *specs: Spec) -> Spec:
        x = specs[0]
        known = x.shape[x.shape[:1] == (...,) :]
        loops = x.shape[: len(x.shape) - self.rank] if len(known) >= self.rank else UNKNOWN
        return Spec((*loops, *self.target), promote(x.dtype))

    def compute(self, x: Any, *lengths: Any, xp: Any = np) -> Any:
        rest = iter(lengths)
        target = [whole_number(next(rest), "A dimension") if n is None else n for n in self.target]
        loops = x.shape[: x.ndim - self.rank]
        if math.prod(target) != math.prod(x.shape[x.ndim - self.rank :]):
            raise ShapeError(f"an array of shape {x.shape[x.ndim - self.rank :]} cannot be reshaped to {tuple(target)}")
        return xp.reshape(x, (*loops, *target))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [reshape_like(grad, self.input_nodes[0]), *[None] * (len(self.input_nodes) - 1)]
