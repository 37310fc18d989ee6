"""Calls on arrays that go to machine code without Python: the same results, whatever was called before, and nothing leaks."""

import gc
import signal
import sys
import threading
import weakref

import hypothesis.strategies as st
import numpy as np
import pytest
import sympy as sp
from hypothesis import given

import symgraph as sg

pytest.importorskip("llvmlite")

from symgraph import fast_calls
from symgraph.backends.llvm import pool
from symgraph.backends.llvm.rows import rows
from symgraph.backends.llvm.symbols import address
from symgraph.structure import Structure

x, y, z = sp.symbols("x y z")
A, u = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("u", 2, 1)
EXPR = sp.exp(-x) * y + sp.sin(x * z)


def python(f):
    """The same Function, called without machine code of its own."""
    return lambda *args, **named: f._kind.__call__(f, *args, **named)


def learned(f):
    return 0 if f._array_calls is None else len(f._array_calls._entries)


def assert_same(result, expected):
    one, other = Structure(result), Structure(expected)
    assert one.rebuild([0] * len(one.leaves)) == other.rebuild([0] * len(other.leaves))
    for a, b in zip(one.leaves, other.leaves, strict=True):
        assert type(a) is type(b)
        np.testing.assert_array_equal(a, b, strict=True)


ARGUMENTS = {
    "vectors": lambda rng, n: [rng.normal(size=n) for _ in range(3)],
    "a float": lambda rng, n: [rng.normal(size=n), 1.5, rng.normal(size=n)],
    "a scalar": lambda rng, n: [np.float64(0.3), rng.normal(size=n), 2.0],
    "an integer": lambda rng, n: [rng.normal(size=n), 2, rng.normal(size=n)],
    "matrices": lambda rng, n: [rng.normal(size=(n, 2)) for _ in range(3)],
    "strides": lambda rng, n: [rng.normal(size=2 * n)[::2] for _ in range(3)],
    "columns": lambda rng, n: [rng.normal(size=(2, n)).T for _ in range(3)],
    "broadcast": lambda rng, n: [rng.normal(size=(2, n)), rng.normal(size=n), 1.0],
    "one row": lambda rng, n: [rng.normal(size=n), rng.normal(size=1), rng.normal(size=n)],
    "singles": lambda rng, n: [rng.normal(size=n).astype(np.float32) for _ in range(3)],
    "singles and a float": lambda rng, n: [
        rng.normal(size=n).astype(np.float32),
        0.1,
        rng.normal(size=n).astype(np.float32),
    ],
    "mixed": lambda rng, n: [rng.normal(size=n).astype(np.float32), rng.normal(size=n), rng.normal(size=n)],
    "complex": lambda rng, n: [rng.normal(size=n) + 1j, rng.normal(size=n) + 2j, rng.normal(size=n) - 1j],
    "integers": lambda rng, n: [rng.integers(0, 5, n) for _ in range(3)],
    "big-endian": lambda rng, n: [rng.normal(size=n).astype(">f8") for _ in range(3)],
    "list": lambda rng, n: [list(rng.normal(size=n)), 1.0, 2.0],
    "read-only": lambda rng, n: [np.broadcast_to(rng.normal(size=n), n) for _ in range(3)],
    "point": lambda rng, n: list(map(float, rng.normal(size=3))),
    "zero-dimensional": lambda rng, n: [np.array(0.5), np.array(1.5), 2.0],
    "subclass": lambda rng, n: [rng.normal(size=n).view(type("Other", (np.ndarray,), {})), 1.0, 2.0],
}
FORMS = {
    "one": EXPR,
    "tuple": (EXPR, x * y * z),
    "list": [EXPR, x + y * z],
    "dict": {"a": EXPR},
    "matrix": sp.Matrix([[EXPR, x], [y, z]]),
}


@pytest.mark.parametrize("form", FORMS)
@given(
    calls=st.lists(
        st.tuples(st.sampled_from(sorted(ARGUMENTS)), st.sampled_from([0, 1, 2, 3, 31, 32, 33, 100])),
        min_size=1,
        max_size=8,
    )
)
def test_results_are_those_of_python_whatever_was_called_before(form, calls):
    f, rng = sg.function((x, y, z), FORMS[form], backend="llvm"), np.random.default_rng(0)
    for kind, size in [call for call in calls for _ in range(2)]:
        args = ARGUMENTS[kind](rng, size)
        assert_same(f(*args), python(f)(*args))


@pytest.mark.parametrize("outputs", [A * u + u, [A * u, u * 2], sp.Matrix([u[0, 0], A[0, 1]])])
def test_matrices(outputs):
    f, rng = sg.function((A, u), outputs, backend="llvm"), np.random.default_rng(1)
    for a, b in [((5,), (5,)), ((5,), ()), ((3, 4), (3, 4)), ((5,), (5,)), ((1, 5), (5,)), ((), ())] * 2:
        args = rng.normal(size=(*a, 2, 2)), rng.normal(size=(*b, 2, 1))
        assert_same(f(*args), python(f)(*args))
    assert learned(f) >= 2
    with pytest.raises(sg.ShapeError):
        f(rng.normal(size=(5, 3, 3)), rng.normal(size=(5, 2, 1)))


@pytest.mark.parametrize("kind", ["grad", "value_and_grad", "jac", "hess"])
def test_derivatives(kind):
    f, rng = getattr(sg.function((x, y), sp.exp(-x) * y, backend="llvm"), kind)(), np.random.default_rng(2)
    for _ in range(3):
        args = rng.normal(size=(2, 50))
        assert_same(f(*args), python(f)(*args))
    assert_same(f(args[0], 2.0), python(f)(args[0], 2.0))


def test_they_are_learned():
    f, a = sg.function((x, y), x * y + 0.5 * x, backend="llvm"), np.ones(40)
    assert f(2.0, 3.0) == 7.0 and learned(f) == 0
    f(a, a)
    assert learned(f) == 1
    for _ in range(3):
        f(a, a)
        f(np.ones((2, 30)), np.ones((2, 30)))
    assert learned(f) == 1
    f(a, 2.0)
    assert learned(f) == 2 and f(2.0, 3.0) == 7.0


def test_after_many_kinds_no_more_are_learned():
    f = sg.function(sp.symbols("a:6"), sum(sp.symbols("a:6")), backend="llvm")
    for code in range(1, 64):
        args = [np.full(3, 2.0) if code >> i & 1 else 2.0 for i in range(6)]
        assert f(*args).tolist() == [12.0] * 3
    assert learned(f) == fast_calls._ATTEMPTS
    assert f(*[np.full(3, 2.0)] * 6).tolist() == [12.0] * 3


def test_results_are_new_arrays():
    f, a = sg.function(x, (x + 0, 2 * x), backend="llvm"), np.arange(40.0)
    results = [f(a) for _ in range(4)]
    for one, two in results:
        assert one.flags.owndata and one.flags.writeable
        one[:] = 0
        two[:] = 0
    assert a.tolist() == list(range(40)) and f(a)[1].tolist() == (2 * a).tolist()


def test_keywords_errors_and_out_go_to_python():
    f, a = sg.function((x, y), x * y, backend="llvm"), np.arange(40.0)
    f(a, a)
    f(a, a)
    out = np.empty(40)
    assert f(a, a, out=out) is out and f(y=a, x=a).tolist() == f(a, a).tolist() == out.tolist()
    with pytest.raises(sg.ShapeError, match=r"x .*40.*, y .*3"):
        f(a, a[:3])
    with pytest.raises(TypeError, match="missing 1 required"):
        f(a)
    with pytest.raises(sg.FeedTypeError):
        f(a, "1")


def test_nothing_leaks():
    f, a = sg.function((x, y), [x * y, x + y], backend="llvm"), np.arange(40.0)
    for _ in range(3):
        f(a, a)
    gc.collect()  # what other tests left, which would go meanwhile
    float64, held = a.dtype, sys.getrefcount(a)
    before = sys.getrefcount(float64)
    results = [f(a, a) for _ in range(100)]
    assert sys.getrefcount(a) == held
    assert all(sys.getrefcount(array) <= 3 for array in results[0])
    del results
    assert abs(sys.getrefcount(float64) - before) <= 2
    f(1.0, 2.0)
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


def test_from_several_threads():
    f, a = sg.function((x, y), EXPR.subs(z, 2), backend="llvm"), np.random.default_rng(3).normal(size=(2, 20_000))
    expected, wrong = python(f)(*a), []

    def work():
        for k in range(20):
            n = 20_000 - k
            if not np.array_equal(f(a[0, :n], a[1, :n]), expected[:n]):
                wrong.append(k)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_outputs_that_are_no_work():
    exprs = [x * y + sp.sin(x), 0, 1, x, x * y + sp.sin(x), sp.Rational(1, 2), z, 2 * z]
    f, rng = sg.function((x, y, z), exprs, backend="llvm"), np.random.default_rng(4)
    for args in (
        [rng.normal(size=50) for _ in range(3)],
        [rng.normal(size=50), 2.0, 3.0],
        [2.0, rng.normal(size=50), 3.0],
    ):
        expected = f(*args)
        for _ in range(3):
            assert_same(f(*args), expected)
    assert learned(f) == 3
    assert [type(value) for value in f(1.0, 2.0, 3.0)] == [np.float64] * 8
    assert f.native(0.0, 2.0, 3.0) == [0.0, 0.0, 1.0, 0.0, 0.0, 0.5, 3.0, 6.0] and f.native is not f


@pytest.mark.skipif(sys.platform == "win32", reason="no signals of POSIX")
@pytest.mark.parametrize("threads", [1, 3])
def test_an_interrupt_arrives_between_blocks(threads):
    seen = []

    def handler(*_):
        seen.append(None)
        if len(seen) == 1:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        kernel = address("c_raise")  # sends this process the signal that is its first argument, in each block
        with pytest.raises(KeyboardInterrupt):
            rows(64, 0, 0)(kernel, int(signal.SIGUSR1), None, 0, 64_000, 1, 0, 1, threads)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert 1 <= len(seen) < 1000 // threads


def test_arguments_of_any_size_that_are_not_used():
    rows_of, columns = sp.symbols("m n", integer=True, positive=True)
    f = sg.function([sp.MatrixSymbol("B", rows_of, columns), x], sp.exp(x), backend="llvm")
    values = np.linspace(0, 1, 5)
    for shape in [(2, 3), (2, 3), (4, 4)]:
        for number in (0.5, values):
            np.testing.assert_allclose(f(np.ones(shape), number), np.exp(number), rtol=1e-15)


def test_a_class_of_users_is_called_as_it_says():
    class Twice(sg.Function):
        def __call__(self, *values, **named):
            return 2 * super().__call__(*values, **named)

    f, a = Twice((x, y), x * y + x), np.linspace(0, 1, 40)
    for _ in range(4):
        assert f(2.0, 3.0) == 16.0
        np.testing.assert_allclose(f(a, a), 2 * (a * a + a), rtol=1e-15)


def test_kinds_of_which_nothing_is_learned_do_not_use_up_those_that_are():
    f, a = sg.function((x, y), x * y + x, backend="llvm"), np.linspace(0, 1, 40)
    for _ in range(40):
        f(a[::2], a[:20])
        f(a[:1], 2.0)
    assert learned(f) == 0
    f(a, a)
    assert learned(f) == 1


def test_threads_are_waited_for_whatever_happens():
    both, ended, go_on = threading.Barrier(2, timeout=60), [], threading.Event()

    def interrupted(start, end):
        both.wait()
        if start == 0:
            raise KeyboardInterrupt
        go_on.wait(60)
        ended.append(start)

    with pytest.raises(KeyboardInterrupt):
        pool.in_threads(interrupted, 2, 2, go_on.set)
    assert ended == [1]

    def failing(start, end):
        ended.append(1 // (1 - start))

    with pytest.raises(ZeroDivisionError):
        pool.in_threads(failing, 2, 2)
    assert ended == [1, 1]
