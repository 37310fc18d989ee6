"""Every operation, found by introspection: a new one is tested by existing.

The example in its docstring is where its inputs are taken from. They are then varied: other values, dtypes, and batch axes, as far as the operation
accepts them.
"""

import contextlib
import doctest
import io
import os
import sys
from functools import cache

import numpy as np
import pytest

import symgraph as sg
from symgraph.graph import postorder
from symgraph.nodes import Constant, Variable, placeholder
from symgraph.ops import OPERATIONS
from symgraph.ops.base import Elementwise
from symgraph.shapes import accepts
from symgraph.testing import check_gradients

CLASSES = sorted(set(OPERATIONS.values()), key=lambda cls: (cls.__module__, cls.__name__))
every_operation = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
REFUSALS = (ValueError, TypeError, IndexError, ArithmeticError, NotImplementedError)  # LinAlgError is a ValueError


class Sample:
    """An operation of a docstring as a function of the constants (and first values of variables) that it is made of."""

    def __init__(self, cls):
        self.graph = sg.Graph()
        namespace = dict(vars(sys.modules[cls.__module__]), **{cls.__name__: cls})
        with self.graph.as_default(), contextlib.redirect_stdout(io.StringIO()):
            for example in doctest.DocTestParser().get_examples(cls.__dict__["__doc__"]):
                exec(compile(example.source, cls.__name__, "single"), namespace)
        self.node = next(node for node in self.graph.operations if type(node) is cls)
        self.order = postorder([self.node])
        self.leaves = [node for node in self.order if isinstance(node, (Constant, Variable))]
        self.values = [
            np.asarray(node.value if isinstance(node, Constant) else node.initial_value) for node in self.leaves
        ]

    def build(self, *leaves):
        """The operation on other nodes in place of the leaves."""
        made = dict(zip(self.leaves, leaves, strict=True))
        for node in self.order:
            if node not in made:
                made[node] = node.rebuild([made[source] for source in node.input_nodes])
        return made[self.node]

    def run(self, values, forms=None):
        """The node on placeholders (declared as `forms` say: pairs of dtype and shape), and its value. None where it refuses the values."""
        with sg.Graph().as_default():
            nodes = [
                Variable(value)
                if isinstance(leaf, Variable)
                else placeholder(*(forms[i] if forms else (value.dtype, value.shape)))
                for i, (leaf, value) in enumerate(zip(self.leaves, values, strict=True))
            ]
            try:
                node = self.build(*nodes)
                feeds = {n: v for n, v in zip(nodes, values, strict=True) if isinstance(n, placeholder)}
                return node, sg.Session().run(node, feeds)
            except REFUSALS:
                return None
            except np.exceptions.ComplexWarning:  # NumPy's, when it makes Python floats for a user's function
                assert not self.node.takes_xp
                return None


@cache
def sample_of(cls):
    return Sample(cls)


def jittered(value, seed, size=0.05):
    noise = np.random.default_rng(seed).uniform(-1, 1, value.shape)
    if value.dtype.kind not in "fc" or not np.isfinite(value).all():
        return value
    return value + (size * np.abs(value) + 0.2 * size) * noise


def as_floats(values):
    return [value.astype(float) if value.dtype.kind in "iu" else value for value in values]


def aligned(values):
    """The same values with equally many axes, so that one more in front of each is a batch axis."""
    rank = max(v.ndim for v in values)
    return [v.reshape((1,) * (rank - v.ndim) + v.shape) for v in values]


def variations(sample):
    """(what, values): other values, dtypes and shapes; most operations do not accept all of them."""
    values = sample.values
    yield "as documented", values
    floats = as_floats(values)
    for dtype in ("float32", "complex64", "complex128", "int64", "int8", "bool"):
        if all(v.dtype.kind != "c" and np.isfinite(v).all() for v in floats):
            yield dtype, [v.astype(dtype) for v in floats]
    yield "batches", [np.stack([jittered(v, 1), jittered(v, 2), v]) for v in floats]
    for i in range(len(values) if len(values) > 1 else 0):
        yield f"batch of input {i}", [np.stack([v, v]) if i == j else v for j, v in enumerate(floats)]
    if any(v.ndim == 1 for v in values):
        yield "columns", [v[:, None] if v.ndim == 1 else v for v in floats]
        yield "rows", [v[None, :] if v.ndim == 1 else v for v in floats]
    same_rank = aligned(floats) if issubclass(type(sample.node), Elementwise) else floats
    yield "empty batch", [np.zeros((0, *v.shape)) for v in same_rank]


@every_operation
def test_it_is_documented_with_an_example(cls):
    doc = cls.__dict__.get("__doc__") or ""
    assert f"{cls.__name__}(" in doc.partition(">>>")[2], "a docstring with an example that uses it"
    assert sample_of(cls).run(sample_of(cls).values) is not None


@every_operation
def test_what_is_inferred_never_contradicts_what_comes_out(cls):
    sample = sample_of(cls)
    for what, values in variations(sample):
        unknown = sample.run(values, [(None, None)] * len(values))
        forms = {
            "dtype and shape": [(v.dtype, v.shape) for v in values],
            "dtype alone": [(v.dtype, None) for v in values],
            "rank alone": [(None, (None,) * v.ndim) for v in values],
            "first axis open": [(v.dtype, (None, *v.shape[1:]) if v.ndim else ()) for v in values],
            "core alone": [(None, (..., *v.shape[-2:])) for v in values],
        }
        for how, form in forms.items():
            found = sample.run(values, form)
            assert (found is None) == (unknown is None), (
                f"{what}, {how}: refused, or accepted, by the declared shapes only"
            )
            if found is None:
                assert what != "empty batch" or not issubclass(cls, Elementwise), "an empty batch is refused"
                continue
            node, value = found
            if value is None:  # of an operation that is run for its effect
                continue
            assert accepts(node.shape, np.shape(value)), f"{what}, {how}: {node.shape} but {np.shape(value)}"
            assert node.dtype is None or node.dtype == value.dtype, f"{what}, {how}: {node.dtype} but {value.dtype}"


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if issubclass(cls, Elementwise)], ids=lambda cls: cls.__name__)
def test_single_precision_stays(cls):
    """Of real numbers and, where they are accepted, of complex ones."""
    sample = sample_of(cls)
    kinds = {v.dtype.kind for v in sample.values}
    if kinds == {"b"}:
        return
    for single in ("complex64",) if "c" in kinds else ("float32", "complex64"):
        found = sample.run([v.astype(single) for v in sample.values])
        assert single == "complex64" or found is not None
        if found is not None and found[1].dtype.kind in "fc":
            assert found[1].dtype in ("float32", "complex64")


@every_operation
def test_equal_ones_are_one_node(cls):
    sample = sample_of(cls)
    with sg.Graph().as_default():
        leaves = [
            Variable(v) if isinstance(n, Variable) else placeholder()
            for n, v in zip(sample.leaves, sample.values, strict=True)
        ]
        node = sample.build(*leaves)
        again = node.rebuild(node.input_nodes)
        assert type(again) is cls
        assert (again is node) == bool(cls.pure)
        for attribute in cls.attributes:
            assert getattr(again, attribute) == getattr(node, attribute)
        for place, leaf in enumerate(leaves):
            if isinstance(leaf, placeholder) and cls.pure:
                assert sample.build(*leaves[:place], placeholder(), *leaves[place + 1 :]) is not node


# --- gradients


def symmetric(x):
    """The symmetric part of square matrices, as some operations need them; anything else as it is."""
    if x.shape[-1:] != x.shape[-2:-1] or x.shape == ():
        return x
    return (x + (sg.matrix_transpose(x) if isinstance(x, sg.Node) else np.swapaxes(x, -1, -2))) * 0.5


class Varied:
    """A sample as a function of some of its leaves, all of them floats; the others stay as documented."""

    def __init__(self, sample, places, form):
        self.sample, self.places, self.form = sample, places, form

    def __call__(self, *varied):
        made = dict(zip(self.places, map(self.form, varied), strict=True))
        leaves = zip(self.sample.leaves, self.sample.values, strict=True)
        rest = [Variable(v) if isinstance(n, Variable) else sg.constant(v) for n, v in leaves]
        return self.sample.build(*[made.get(place, node) for place, node in enumerate(rest)])

    def is_smooth_at(self, values):
        """Whether it has finite values there, and changes little in the neighbourhood."""
        rng = np.random.default_rng(3)
        with sg.Graph().as_default():
            nodes = [placeholder(v.dtype, v.shape) for v in values]
            try:
                node = self(*nodes)
                first, *others = [
                    sg.Session().run(
                        node, {n: v + size * rng.uniform(-1, 1, v.shape) for n, v in zip(nodes, values, strict=True)}
                    )
                    for size in (0, 0.01, 0.01, 0.01)
                ]
            except (*REFUSALS, np.exceptions.ComplexWarning):
                return False
        if first is None or not np.isfinite(first).all() or any(other.shape != first.shape for other in others):
            return False
        return all(np.all(np.abs(other * 1 - first * 1) <= 0.3 * (1 + np.abs(first))) for other in others)


def uses_mpmath(cls):
    """Whether rows are computed one by one, which takes time."""
    return "mpmath" in getattr(cls, "computed_by", "")


def constant_leaves(sample):
    """The places of leaves in which there is no derivative: all whole numbers by nature, or taken as constants by what is documented."""
    cls = type(sample.node)
    inputs = set(getattr(cls, "discrete", ()))
    if "taken as a constant" in cls.__doc__ or "taken as constants" in cls.__doc__:
        grads = sample.node.gradient(sg.ones_like(sample.node))
        inputs |= {place for place, grad in enumerate(grads) if grad is None}
    varied = [node for place, node in enumerate(sample.node.input_nodes) if place not in inputs]
    used = set(postorder(varied))
    return {place for place, leaf in enumerate(sample.leaves) if leaf not in used}


def differentiable(sample):
    """A function of as many leaves as can be varied around some point, and that point."""
    floats = [v.astype(np.result_type(v, float)) if v.dtype.kind in "iufc" else v for v in sample.values]
    places = [i for i, leaf in enumerate(sample.leaves) if isinstance(leaf, Constant) and floats[i].dtype.kind in "fc"]
    places = [place for place in places if place not in constant_leaves(sample) and np.isfinite(floats[place]).all()]
    moves = [
        lambda v: v,
        lambda v: 0.7 * v,
        lambda v: 1.3 * v,
        lambda v: v + 0.3,
        lambda v: 0.5 * v - 0.2,
        np.abs,
        lambda v: 0 * v + 0.5,
    ]
    for form in (lambda x: x, symmetric):
        at = {}
        for (
            place
        ) in places:  # each alone first: what takes no floats near its documented value is a count, an index, ...
            points = [jittered(move(floats[place]), 7) for move in moves]
            point = next((p for p in points if Varied(sample, [place], form).is_smooth_at([p])), None)
            if point is not None:
                at[place] = point
        while at:
            if Varied(sample, list(at), form).is_smooth_at(list(at.values())):
                return Varied(sample, list(at), form), list(at.values())
            at.popitem()
    return None


@every_operation
def test_gradient(cls):
    """Against finite differences; the second derivative too (nightly, where mpmath computes it row by row). What has none must say why."""
    found = differentiable(sample_of(cls))
    if found is None:  # of whole numbers, of conditions, without a value
        return
    target, values = found
    try:
        check_gradients(target, values, order=2 if NIGHTLY or not uses_mpmath(cls) else 1)
    except NotImplementedError as reason:
        assert "has no `gradient`" not in str(reason)


def differentiable_in_complex_numbers(sample):
    """The same, moved off the real axis."""
    found = differentiable(sample)
    if found is None or getattr(type(sample.node), "real_only", False):
        return None
    target, values = found
    values = [v + 0.3j * jittered(np.ones_like(v), 11) for v in values]
    return (target, values) if target.is_smooth_at(values) else None


@every_operation
def test_complex_gradient(cls):
    """By the convention of `gradients`: the loss changes by Re(g * dz). (What mpmath computes of three numbers or more takes too long by day.)"""
    if uses_mpmath(cls) and len(sample_of(cls).node.input_nodes) > 2 and not NIGHTLY:
        return
    found = differentiable_in_complex_numbers(sample_of(cls))
    if found is None:
        return
    try:
        check_gradients(*found)
    except NotImplementedError as reason:
        assert "has no `gradient`" not in str(reason)


SINGLE = {"f": np.float32, "c": np.complex64}
# what is in double precision by itself
DOUBLE = {
    "plain_number": "a number that takes the dtype of what it meets: by itself it is a float64",
    "dimension": "likewise",
    "concat_part": "in the example arrays of integers are joined with what it is a part of",
    "join_part": "likewise",
}


def in_single_precision(value):
    return value.astype(SINGLE.get(value.dtype.kind, value.dtype))


def single_precision_derivatives(sample, form, places, at):
    """The values of the operation, its gradient and its tangent, where the leaves at some places are fed in single precision."""
    with sg.Graph().as_default():
        made, feeds = [], {}
        for place, leaf in enumerate(sample.leaves):
            if place in places:
                node = placeholder(None, at[place].shape)
                feeds[node] = in_single_precision(at[place])
                made.append(form(node))
            elif isinstance(leaf, Variable):
                made.append(Variable(in_single_precision(sample.values[place])))
            else:
                value = (
                    leaf.value if type(leaf.value) in (bool, int, float, complex) else in_single_precision(leaf.value)
                )
                made.append(sg.constant(value))
        try:
            node = sample.build(*made)
            derivatives = [*sg.gradients(node, list(feeds)), *sg.tangents(node, list(feeds), [1.0] * len(feeds))]
        except NotImplementedError:
            return []
        return sg.Session().run([node, *[each for each in derivatives if each is not None]], feeds)


@every_operation
def test_derivatives_in_single_precision_stay_so(cls):
    """By all of its inputs, and by each of them, the others being Python numbers where they are documented as such."""
    sample = sample_of(cls)
    found = differentiable(sample)
    if found is None or cls.__name__ in DOUBLE:
        return
    target, values = found
    at = dict(zip(target.places, values, strict=True))
    for places in [list(at), *[[place] for place in at if len(at) > 1]]:
        value, *derivatives = single_precision_derivatives(sample, target.form, places, at) or [None]
        if value is not None and value.dtype in SINGLE.values():
            assert [each.dtype for each in derivatives if each.dtype not in SINGLE.values()] == []


# --- batches


def is_batched(cls):
    """Whether leading axes are batches: of elementwise operations, and where the module says so."""
    return issubclass(cls, Elementwise) or "leading axes are batches" in sys.modules[cls.__module__].__doc__.lower()


def batched_places(cls, count):
    """Which inputs have batch axes: all, or one. Parts of gradients are asked for with a gradient that has all batch axes."""
    one = [(0,)] if cls.__name__.endswith(("_gradient", "_part")) else [(i,) for i in range(count)]
    return [tuple(range(count)), *(one if count > 1 else [])]


@pytest.mark.parametrize("cls", list(filter(is_batched, CLASSES)), ids=lambda cls: cls.__name__)
def test_a_batch_is_its_rows(cls):
    sample = sample_of(cls)
    values = as_floats(sample.values)
    if not issubclass(cls, Elementwise):  # of matrices
        values = [v[:, None] if v.ndim == 1 else v for v in values]
    values = aligned(values)
    for places in batched_places(cls, len(values)):
        copies = [[jittered(v, 10 * i + k) if k in places else v for k, v in enumerate(values)] for i in range(3)]
        stacked = [np.stack([copy[k] for copy in copies]) if k in places else v for k, v in enumerate(values)]
        rows, batch = [sample.run(copy) for copy in copies], sample.run(stacked)
        assert None not in rows, "a row alone is refused"
        assert batch is not None, f"a batch of {places} is refused"
        np.testing.assert_allclose(batch[1], np.stack([row[1] for row in rows]), rtol=1e-12, atol=1e-12)
