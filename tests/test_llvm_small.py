"""Small matrices in lanes, and rows of several entries in memory, against NumPy."""

import ctypes

import numpy as np
import pytest
import sympy

pytest.importorskip("llvmlite")

import symgraph as sg
from symgraph import ops, placeholder
from symgraph.backends import llvm, numpy_like
from symgraph.backends.llvm import engine
from symgraph.backends.llvm.code import Code
from symgraph.backends.llvm.kernel import CONTIGUOUS, STRIDED, Operand, loop_text
from symgraph.backends.llvm.partition import Kernel, partition
from symgraph.program import Program

LOOP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
DTYPES = {"double": np.float64, "float": np.float32, "i1": np.bool_}


def turned(kind, columns, width, pattern, unused=()):
    """A kernel that reverses rows of so many columns, as a function of two-dimensional arrays; `unused` columns are not read."""
    code = Code()
    leaves = [code.leaf(kind, k) for k in range(columns)]
    read = [(-1 if k in unused else n, k) for k, n in enumerate(leaves)]
    written = [(leaves[k] if k not in unused else code.const(7, kind), columns - 1 - k) for k in range(columns)]
    operands = [Operand(kind, tuple(read), pattern), Operand(kind, tuple(sorted(written, key=lambda e: e[1])), pattern)]
    text = loop_text("kernel", code, operands[:1], operands[1:], width).text
    machine = engine.load(engine.to_object(text), ["kernel"], {})
    function = LOOP(machine.addresses["kernel"])

    def run(x):
        store = np.zeros((len(x), 2 * columns if pattern == STRIDED else columns), x.dtype)
        result = store[:, :columns]
        pointers = (ctypes.c_void_p * 2)(x.ctypes.data, result.ctypes.data)
        strides = (ctypes.c_int64 * 2)(x.strides[0], result.strides[0])
        function(pointers, strides, 0, len(x), None)
        assert not store[:, columns:].any()  # nothing is written between the rows
        return machine and result

    return run


def rows_of(kind, columns, count):
    x = np.random.default_rng(columns).standard_normal((count, columns))
    return x > 0 if kind == "i1" else x.astype(DTYPES[kind])


@pytest.mark.parametrize("pattern", [CONTIGUOUS, STRIDED])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 6, 8, 9, 19])
@pytest.mark.parametrize(("kind", "width"), [("double", 8), ("double", 16), ("float", 8), ("float", 16)])
def test_rows_are_transposed_in_registers(kind, width, columns, pattern):
    x = rows_of(kind, columns, width + 3)
    source = x if pattern == CONTIGUOUS else np.repeat(x, 3, axis=0)[::3]
    np.testing.assert_array_equal(turned(kind, columns, width, pattern)(source), x[:, ::-1])


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("columns", [2, 3, 4, 7, 16])
def test_rows_are_transposed_in_narrow_registers_too(bits, columns, monkeypatch):
    monkeypatch.setattr(engine.host(), "bits", bits)
    x = rows_of("double", columns, 21)
    np.testing.assert_array_equal(turned("double", columns, 8, CONTIGUOUS)(x), x[:, ::-1])


@pytest.mark.parametrize(("kind", "columns", "width"), [("double", 9, 1), ("i1", 3, 8), ("i1", 4, 1)])
def test_rows_that_are_not_transposed(kind, columns, width):
    x = rows_of(kind, columns, 11)
    np.testing.assert_array_equal(turned(kind, columns, width, CONTIGUOUS)(x), x[:, ::-1])


@pytest.mark.parametrize("unused", [(0,), (1, 2, 3, 4, 5, 6, 7), (8,), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_entries_that_nothing_needs(unused):
    x = rows_of("double", 9, 19)
    expected = x[:, ::-1].copy()
    expected[:, [8 - k for k in unused]] = 7
    np.testing.assert_array_equal(turned("double", 9, 8, CONTIGUOUS, unused)(x), expected)


# --- operations on rows, against NumPy


def steps_of(node):
    """The names of the operations that are kernels of their own, and those that are library steps."""
    items = [item for stage in partition(Program.of([node])[0]) for item in stage]
    native = [type(step.operation).__name__ for item in items if isinstance(item, Kernel) for step, _ in item.steps]
    return native, [type(item.operation).__name__ for item in items if not isinstance(item, Kernel)]


def both(node, leaves, values):
    """The values of a node by the native backend and by NumPy."""
    program, found = Program.of([node])[:2]
    fed = [values[leaves.index(leaf)] for leaf in found]
    return llvm.compile_program(program)(fed)[0], numpy_like.compile_program(program)(fed)[0]


def check(build, cores, batches, dtype=np.float64, tolerance=1e-12, change=lambda x: x):
    leaves = [placeholder(shape=(..., *core), dtype=dtype) for core in cores]
    # of values computed before, so that there is enough for a kernel
    node = build(*[leaf * 1.5 + 0.25 for leaf in leaves])
    assert steps_of(node)[1] == []
    rng = np.random.default_rng(3)
    for shapes in batches:
        values = [
            change(
                rng.standard_normal((*b, *c))
                + (1j * rng.standard_normal((*b, *c)) if np.dtype(dtype).kind == "c" else 0)
            ).astype(dtype)
            for b, c in zip(shapes, cores, strict=True)
        ]
        ours, theirs = both(node, leaves, values)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


ONE = [((),), ((37,),), ((2, 3),), ((0,),)]
TWO = [((), ()), ((21,), (21,)), ((2, 1), (3,)), ((), (5,))]
SAME = [((), ()), ((21,), (21,)), ((2, 3), (2, 3))]
M3, M4 = (3, 3), (4, 4)

OF_ONE = {
    "inverse": (ops.matrix_inverse, M3),
    "inverse 5": (ops.matrix_inverse, (5, 5)),
    "determinant": (ops.determinant, M4),
    "slogdet": (ops.slogdet, M4),
    "logdet": (lambda x: ops.logdet(x @ ops.matrix_transpose(x)), M3),
    "power": (lambda x: ops.matrix_power(x, 5), M3),
    "power 0": (lambda x: ops.matrix_power(x, 0) + x, M3),
    "negative power": (lambda x: ops.matrix_power(x, -2), M3),
    "cofactors": (ops.cofactors, M3),
    "cofactors 2": (ops.cofactors, (2, 2)),
    "cofactors 1": (lambda x: ops.cofactors(x) + x, (1, 1)),
    "diagonal": (lambda x: ops.diag_part(x) * 2, (3, 4)),
    "diagonal matrix": (lambda x: ops.diag(ops.diag_part(x)), M3),
    "squeeze": (lambda x: ops.squeeze(x, -1) + 1, (3, 1)),
    "take": (lambda x: ops.take(x, 1, -2) + 1, (3, 4)),
    "getitem": (lambda x: x[..., 1:, ::2] + x[..., None, 0, ::2], (3, 4)),
    "put": (lambda x: ops.put(ops.take(x, 0, -1), x, (..., 2)), M3),
    "sum": (lambda x: ops.reduce_sum(x, -1, True) + x, (3, 4)),
    "mean": (lambda x: ops.reduce_mean(x, (-1, -2)) * 2, (3, 4)),
    "product": (lambda x: ops.reduce_prod(x, -2), (3, 4)),
    "largest": (lambda x: ops.reduce_max(x, -1) - ops.reduce_min(x, -1), (3, 4)),
    "all": (
        lambda x: ops.where(ops.reduce_all(x > 0, -1), 1.0, ops.where(ops.reduce_any(x > 1, -1), 2.0, 3.0)),
        (3, 4),
    ),
    "softmax": (ops.softmax, (5,)),
    "logsumexp": (lambda x: ops.reduce_logsumexp(x, -1), (5,)),
    "elements": (lambda x: ops.element(x, [], (0, 1)) * ops.exp(ops.element(x, [], (2, 2))), M3),
    "trace": (lambda x: ops.trace(x) + 1, M3),
    "reshape": (lambda x: ops.reshape_core(x, [2, 6], 2) + 1, (3, 4)),
}
OF_TWO = {
    "solve": (ops.solve, (M3, (3, 2)), TWO),
    "solve 6": (ops.solve, ((6, 6), (6, 1)), TWO),
    "outer product": (ops.outer_product, ((3, 2), (4, 2)), TWO),
    "kron": (ops.kron, ((2, 3), (2, 2)), TWO),
    "kron gradient": (lambda g, x: ops.kron_gradient(g, x, x, of=1), ((4, 4), (2, 2)), SAME),
    "einsum": (lambda x, y: ops.einsum("...ij,...kj->...ik", x, y), ((3, 4), (2, 4)), TWO),
    "einsum of batches": (lambda x, y: ops.einsum("...aij,...ajk->...aik", x, y), ((2, 3, 2), (2, 2, 2)), TWO),
    "concat": (lambda x, y: ops.concat([x, y], -1) * 2, ((3, 2), (3, 1)), SAME),
    "part": (lambda x, y: ops.concat_part(ops.concat([x, y], -1), x, y, axis=-1, part=0) * 2, ((3, 2), (3, 1)), SAME),
    "stack": (lambda x, y: ops.stack([x, y], -2) * 2, ((3,), (3,)), SAME),
    "join part": (lambda x, y: ops.join_part(ops.join([x, y]), x, y, part=1) * 2, ((3, 2), (3, 1)), SAME),
}


@pytest.mark.parametrize("name", OF_ONE)
def test_functions_of_a_row(name):
    build, core = OF_ONE[name]
    check(build, [core], ONE)


@pytest.mark.parametrize("name", OF_TWO)
def test_functions_of_two_rows(name):
    build, cores, batches = OF_TWO[name]
    check(build, cores, batches)


@pytest.mark.parametrize("name", ["inverse", "determinant", "slogdet", "power", "cofactors"])
def test_functions_of_complex_matrices(name):
    build, core = OF_ONE[name]
    check(build, [core], ONE, np.complex128)


@pytest.mark.parametrize("build", [ops.matrix_inverse, ops.determinant], ids=["inverse", "determinant"])
def test_functions_of_matrices_of_floats(build):
    well = np.eye(3, dtype=np.float32) * 4
    check(build, [M3], ONE, np.float32, 1e-4, lambda x: x + well)


@pytest.mark.parametrize(
    ("constant", "dtype"),
    [(np.arange(6.0).reshape(2, 3), float), (np.arange(6).reshape(2, 3), float), (np.ones((2, 3)) * 1j, float),
     (np.ones((2, 3), np.float32), np.float32), (np.arange(6).reshape(2, 3), np.float32)],
)  # fmt: skip
def test_constant_matrices_are_the_same_for_each_row(constant, dtype):
    x = placeholder(shape=(..., 3, 4), dtype=dtype)
    node = ops.matmul(constant, x * 2 + 1)
    assert steps_of(node)[1] == []
    for batch in ((), (5,), (2, 3)):
        value = np.random.default_rng(2).standard_normal((*batch, 3, 4)).astype(dtype)
        ours, theirs = both(node, [x], [value])
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(
            ours, theirs, rtol=1e-5 if dtype is np.float32 else 1e-13, atol=1e-6 if dtype is np.float32 else 1e-15
        )


def test_batches_that_do_not_fit_are_refused_as_numpy_does():
    x, y = placeholder(shape=(..., 2)), placeholder(shape=(..., 2))
    node = ops.concat([x * 2 + 1, y * 3 + 1], -1)
    for backend in (llvm, numpy_like):
        with pytest.raises(ValueError):
            backend.compile_program(Program.of([node])[0])([np.zeros((3, 2)), np.zeros(2)])


def test_a_singular_matrix_is_nan_in_its_own_row():
    a, b = placeholder(shape=(..., 3, 3)), placeholder(shape=(..., 3, 1))
    matrices = np.random.default_rng(1).standard_normal((20, 3, 3))
    matrices[4] = [[1, 2, 3], [2, 4, 6], [1, 1, 1]]
    matrices[7, 0] = 0
    right = np.ones((20, 3, 1))
    for node, leaves, values in [
        (ops.matrix_inverse(a), [a], [matrices]),
        (ops.solve(a, b), [a, b], [matrices, right]),
    ]:
        ours, theirs = both(node, leaves, values)
        assert np.isnan(ours[[4, 7]]).all() and np.isfinite(np.delete(ours, [4, 7], axis=0)).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    size, _ = both(ops.slogdet(a), [a], [matrices])
    assert np.isneginf(size[[4, 7]]).all()


def test_rows_are_exchanged_where_a_pivot_is_zero():
    a, b = placeholder(shape=(..., 4, 4)), placeholder(shape=(..., 4, 1))
    permutation = np.eye(4)[[2, 0, 3, 1]]
    ours, _ = both(ops.solve(a, b), [a, b], [permutation, np.arange(4.0)[:, None]])
    assert ours.tolist() == [[1.0], [3.0], [0.0], [2.0]]
    ours, _ = both(ops.determinant(a), [a], [permutation])
    assert ours == -1.0


@pytest.mark.parametrize(
    "build", [ops.matrix_inverse, lambda x: x @ x, lambda x: ops.matrix_power(x, 9), lambda x: ops.reduce_sum(x, (-1, -2))],
    ids=["inverse", "product", "power", "sum"],
)  # fmt: skip
def test_large_matrices_are_left_to_the_library(build):
    a = placeholder(shape=(..., 12, 12))
    node = build(a)
    assert len(steps_of(node)[1]) == 1
    value = np.random.default_rng(0).standard_normal((2, 12, 12))
    ours, theirs = both(node, [a], [value])
    np.testing.assert_array_equal(ours, theirs)


def test_single_matrices_again_and_again():
    S, c = sympy.MatrixSymbol("S", 3, 3), sympy.Symbol("c")
    v = sympy.MatrixSymbol("v", 3, 1)
    f = sg.function([S, v, c], [S**-1 * v * c, (sympy.Identity(3) - c * S) * v], backend="llvm")
    rng = np.random.default_rng(0)
    for _ in range(4):
        s, w, x = rng.uniform(size=(3, 3)) + np.eye(3), rng.uniform(size=(3, 1)), float(rng.uniform())
        expected = [np.linalg.solve(s, w) * x, (np.eye(3) - x * s) @ w]
        for args in [(s, w, x), (s, w, np.float64(x)), (s.T.copy().T, w, x), (s, w[:, 0], x), (s[None], w, x)]:
            for got, right in zip(f(*args), expected, strict=True):
                right = right[None] if args[0].ndim == 3 else right
                np.testing.assert_allclose(got, right, rtol=1e-12, strict=True)
    again = f(s, w, x)
    assert not np.shares_memory(again[0], f(s, w, x)[0])
    with pytest.raises(ValueError, match="S"):
        f(np.eye(4), w, x)


def test_a_number_of_a_single_matrix_stays_one():
    S = sympy.MatrixSymbol("S", 3, 3)
    f = sg.function([S], [sympy.Determinant(S), S * S], backend="llvm")
    for _ in range(4):
        assert type(f(np.eye(3) * 2.0)[0]) is np.float64


def test_an_update_of_a_kalman_filter_is_one_kernel():
    P, H, R = sympy.MatrixSymbol("P", 4, 4), sympy.MatrixSymbol("H", 2, 4), sympy.MatrixSymbol("R", 2, 2)
    gain = P * H.T * (H * P * H.T + R) ** -1
    program = sg.function([P, H, R], (sympy.Identity(4) - gain * H) * P).program
    (items,) = partition(program)
    assert [type(item) for item in items] == [Kernel]
