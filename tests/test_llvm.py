"""The native backend agrees with NumPy's, and a row has one value, bit for bit, wherever it stands."""

import functools

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import symgraph as sg
from symgraph.backends import numpy_like
from symgraph.program import Program
from symgraph.testing import check_against_lambdify, conditions, expressions, matrix_expressions, values_for

pytest.importorskip("llvmlite")

from symgraph.backends import llvm
from symgraph.backends.llvm import loops, runtime, ways
from symgraph.backends.llvm import rows as machine_rows
from symgraph.backends.llvm.partition import Kernel, partition

FEWER = settings(max_examples=max(10, settings().max_examples // 3))
REAL, COMPLEX = [np.float64, np.float32], [np.complex128, np.complex64]
SIZES = [0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 47, 64, 65, 131]  # below and above every width of a vector

# Operations whose error is small beside the value for numbers in [1/2, 2], and which stay positive
MILD = [sg.add, sg.multiply, sg.divide, sg.hypot, sg.maximum, sg.minimum, sg.atan2, sg.sqrt, sg.square, sg.log1p]
MILD += [sg.tanh, sg.atan, sg.asinh, sg.reciprocal, sg.cbrt, sg.erf, sg.sigmoid, sg.softplus, sg.logaddexp]
# ... and all others that rows must be alike of
WILD = [*MILD, sg.subtract, sg.negative, sg.abs, sg.sign, sg.floor, sg.ceil, sg.sin, sg.cos, sg.tan, sg.exp, sg.expm1]
WILD += [sg.log, sg.log2, sg.sinh, sg.cosh, sg.power, sg.mod, sg.erfc, sg.asin, sg.acosh, sg.relu, sg.frac]
EXACT = [
    sg.add,
    sg.subtract,
    sg.multiply,
    sg.divide,
    sg.negative,
    sg.abs,
    sg.sqrt,
    sg.square,
    sg.sign,
    sg.floor,
    sg.ceil,
]
OF_COMPLEX = [sg.add, sg.subtract, sg.multiply, sg.divide, sg.negative, sg.conjugate, sg.square, sg.reciprocal]
OF_COMPLEX += [sg.exp, sg.sin, sg.cosh]
COMPARISONS = [sg.less, sg.less_equal, sg.greater, sg.greater_equal, sg.equal, sg.not_equal]
CONNECTIVES = [sg.logical_and, sg.logical_or, sg.logical_xor]


@st.composite
def programs(draw, operations, dtypes=REAL, leaves=3, longest=12):
    """(Program, dtypes of its leaves): operations of each other's values, and choices that leaves decide."""
    with sg.Graph().as_default():
        kinds = [draw(st.sampled_from(dtypes)) for _ in range(leaves)]
        fed = [sg.placeholder(kind) for kind in kinds]
        pool, truths = [*fed, *draw(st.lists(st.sampled_from([0.5, 1.25, 2, 3.0]), max_size=1))], []
        for _ in range(draw(st.integers(1, longest))):
            how = draw(st.sampled_from([*operations, "choice", "choice"]))
            if how != "choice":
                arguments = [draw(st.sampled_from(pool)) for _ in range(how.arity)]
                pool.append(how(*(arguments if any(a in fed for a in arguments) else [*arguments[1:], fed[0]])))
            elif truths and draw(st.booleans()):
                pool.append(sg.where(draw(st.sampled_from(truths)), *[draw(st.sampled_from(pool)) for _ in range(2)]))
            elif len(truths) > 1:
                truths.append(draw(st.sampled_from(CONNECTIVES))(*draw(st.permutations(truths))[:2]))
            else:
                compare = COMPARISONS if dtypes is REAL else COMPARISONS[-2:]
                truths.append(draw(st.sampled_from(compare))(*[draw(st.sampled_from(fed)) for _ in range(2)]))
        made = [node for node in [*pool, *truths] if isinstance(node, sg.Operation)]
        outputs = draw(st.lists(st.sampled_from(made), min_size=1, max_size=4))
        program, order = Program.of([*outputs, *fed])
        assert list(order) == fed or set(order) == set(fed)
        places = [fed.index(leaf) for leaf in order]
        short = Program(program.leaves, program.constants, program.steps, program.outputs[: len(outputs)])
        return short, [kinds[place] for place in places]


def numbers_of(rng, dtype, shape):
    """In [1/2, 2], on a grid, so that some are equal; parts of complex numbers too."""
    real = rng.integers(16, 65, shape) / 32
    return (real + 1j * rng.integers(-64, 65, shape) / 32 if np.dtype(dtype).kind == "c" else real).astype(dtype)


def laid_out(array, layout):
    """The same entries, otherwise in memory."""
    if layout == "reversed":
        return np.ascontiguousarray(array[::-1])[::-1] if array.ndim else array
    if layout == "strided":
        wide = np.zeros((*array.shape[:-1], 3 * array.shape[-1]), array.dtype)
        wide[..., ::3] = array
        return wide[..., ::3]
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "misaligned":
        memory = bytearray(array.nbytes + 1)
        moved = np.frombuffer(memory, array.dtype, array.size, 1).reshape(array.shape)
        moved[...] = array
        return moved
    if layout == "read-only":
        array.flags.writeable = False
    return array


LAYOUTS = ["as it is", "reversed", "strided", "transposed", "misaligned", "read-only"]


@st.composite
def batches(draw, dtypes):
    """Arrays whose shapes broadcast: rows, rows against columns, and numbers alone."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m = draw(st.sampled_from(SIZES)), draw(st.sampled_from(SIZES[:8]))
    shapes = draw(st.sampled_from([[(n,), ()], [(n, m), (m,), (n, 1), ()], [(n, 1), (1, m)], [(2, m, 3), (m, 1)]]))
    arrays = []
    for dtype in dtypes:
        array = numbers_of(rng, dtype, draw(st.sampled_from(shapes)))
        arrays.append(laid_out(array, draw(st.sampled_from(LAYOUTS if array.ndim else LAYOUTS[:1]))))
    return arrays


def same_bits(one, other):
    """Equal in dtype, shape and every bit; a nan is a nan."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.dtype == other.dtype and one.shape == other.shape
    parts = [[a.real, a.imag] if a.dtype.kind == "c" else [a] for a in (one, other)]
    for a, b in zip(*parts, strict=True):
        np.testing.assert_array_equal(a, b)
        if a.dtype.kind == "f":
            numbers = ~np.isnan(a)
            np.testing.assert_array_equal(np.signbit(a)[numbers], np.signbit(b)[numbers])


def rows_of(arrays):
    """Each place in the common batch, and the numbers there."""
    full = np.broadcast_arrays(*arrays)
    return [(place, [array[place] for array in full]) for place in np.ndindex(full[0].shape)]


# --- both backends


@pytest.mark.parametrize(("operations", "dtypes"), [(MILD, REAL), (OF_COMPLEX[:3] + OF_COMPLEX[4:6], COMPLEX)])
def test_backends_agree_on_random_programs(operations, dtypes):
    @given(programs(operations, dtypes, longest=8).flatmap(lambda case: st.tuples(st.just(case[0]), batches(case[1]))))
    def check(case):
        program, arrays = case
        event(f"kernel: {any(isinstance(item, Kernel) for stage in partition(program) for item in stage)}")
        results, expected = llvm.compile_program(program)(arrays), numpy_like.compile_program(program)(arrays)
        for result, value in zip(results, expected, strict=True):
            assert np.shape(result) == np.shape(value) and np.asarray(result).dtype == np.asarray(value).dtype
            if np.asarray(value).dtype == bool:
                np.testing.assert_array_equal(result, value)
                continue
            assume(np.all(np.isfinite(value)) and np.all(np.abs(value) < 1e30))
            rtol = 1e-12 if all(array.dtype in (np.float64, np.complex128) for array in arrays) else 2e-4
            np.testing.assert_allclose(result, value, rtol=rtol, atol=rtol * np.max(np.abs(value), initial=0))

    check()


@given(programs(EXACT, REAL).flatmap(lambda case: st.tuples(st.just(case[0]), batches(case[1]))))
def test_without_contraction_arithmetic_is_numpys(case):
    program, arrays = case
    results = llvm.compile_program(program, contract=False)(arrays)
    for result, value in zip(results, numpy_like.compile_program(program)(arrays), strict=True):
        assert np.shape(result) == np.shape(value) and np.asarray(result).dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(result, value)


X = x, y, z = sp.symbols("x y z", real=True)
n = sp.Symbol("n", integer=True, positive=True)
A, B, u, s = (
    sp.MatrixSymbol("A", 2, 2),
    sp.MatrixSymbol("B", 2, 3),
    sp.MatrixSymbol("u", 2, 1),
    sp.Symbol("s", real=True),
)
M, N, v = sp.MatrixSymbol("M", n, n), sp.MatrixSymbol("N", n, 2), sp.MatrixSymbol("v", n, 1)


def matrices(symbols):
    """Expressions that SymPy can print: not so the diagonal of an explicit matrix in a block matrix, whose shape is no SymPy number."""

    def prints(expr):
        try:
            return bool(str(expr))
        except AttributeError:
            return False

    return matrix_expressions(symbols).filter(prints)


def native_function(args, expr):
    try:
        return sg.function(args, expr, backend="llvm")
    except sg.ConstantError:
        assume(False)


@given(expressions(X) | conditions(expressions(X, max_leaves=4)), values_for(X) | values_for(X, batch=(3,)))
def test_values_of_expressions(expr, values):
    event("judged" if check_against_lambdify(X, expr, values, f=native_function(X, expr)) else "no definite value")


@FEWER
@given(
    st.sampled_from([[A, B, u, s], [M, N, v, s]]).flatmap(lambda m: st.tuples(st.just(m), matrices(m))),
    st.sampled_from([(), (3,)]),
    st.data(),
)
def test_values_of_matrix_expressions(case, batch, data):
    symbols, expr = case
    values = data.draw(values_for(symbols, batch=batch))
    event("judged" if check_against_lambdify(symbols, expr, values, f=native_function(symbols, expr)) else "no value")


@FEWER
@given(programs(MILD, [np.float64], longest=8), st.data())
def test_gradients_agree_whatever_the_batches(case, data):
    program, kinds = case
    nodes = [program.steps[number - program.leaves - len(program.constants)].operation for number in program.outputs]
    node = next((node for node in nodes if node.dtype != bool), None)
    assume(node is not None)
    leaves, arrays = node.graph.placeholders, data.draw(batches(kinds))
    with node.graph.as_default():
        outputs = [g for g in sg.gradients(node, leaves) if g is not None]
        assume(outputs)
    whole, order = Program.of([node, *outputs])
    feeds = dict(zip(leaves, arrays, strict=True))
    values = [feeds[leaf] for leaf in order]
    results, expected = llvm.compile_program(whole)(values), numpy_like.compile_program(whole)(values)
    for result, value in zip(results, expected, strict=True):
        assert np.shape(result) == np.shape(value) and np.asarray(result).dtype == np.asarray(value).dtype
        assume(np.all(np.isfinite(value)))
        np.testing.assert_allclose(result, value, rtol=1e-9, atol=1e-9 * np.max(np.abs(value), initial=1))


# --- a row's value does not depend on where it stands


@pytest.mark.parametrize(("operations", "dtypes"), [(WILD, REAL), (OF_COMPLEX, COMPLEX)])
def test_a_row_has_the_same_bits_everywhere(operations, dtypes, monkeypatch):
    monkeypatch.setattr(loops, "rows", lambda: machine_rows.rows(48, 0, 0))

    @given(programs(operations, dtypes).flatmap(lambda case: st.tuples(st.just(case[0]), batches(case[1]))))
    def check(case):
        program, arrays = case
        alone = llvm.compile_program(program, threads=1)
        by_threads = [llvm.compile_program(program, threads=count)(arrays) for count in (1, 2, 3)]
        rows = rows_of(arrays)[-70:]
        with np.errstate(all="ignore"):
            expected = [(place, alone(row)) for place, row in rows]
        shape = np.broadcast_shapes(*[array.shape for array in arrays])
        for results in by_threads:
            for k, result in enumerate(results):
                full = np.broadcast_to(result, shape)
                if rows:
                    same_bits([full[place] for place, _ in rows], np.asarray([values[k] for _, values in expected]))
                else:
                    assert 0 in shape

    check()


@FEWER
@given(expressions(X), st.integers(0, 2**32), st.sampled_from(SIZES[1:]), st.sets(st.sampled_from(range(3))))
def test_a_builtin_gives_the_bits_of_the_batch(expr, seed, size, alone):
    f = native_function(X, [expr, x * y + z, x * y * z])
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=() if k in alone else size) for k in range(3)]
    results = f(*[float(value) if value.ndim == 0 else value for value in values])
    for place, row in rows_of(values):
        given_ = [float(number) for number in row]
        for value, bare, result in zip(f(*given_), f.native(*given_), results, strict=True):
            same_bits(value, result[place] if alone != {0, 1, 2} else result)
            same_bits(np.asarray(bare, np.asarray(value).dtype), value)


@FEWER
@given(matrices([A, B, u, s]), st.integers(0, 2**32), st.sampled_from([1, 5, 33]), st.sampled_from(LAYOUTS))
def test_a_matrix_has_the_same_bits_everywhere(expr, seed, size, layout):
    """Where all of it is in kernels: what BLAS and LAPACK give may depend on their version and the memory's layout."""
    f = native_function([A, B, u, s], expr)
    assume(all(isinstance(item, Kernel) for stage in partition(f.program) for item in stage))
    rng = np.random.default_rng(seed)
    arrays = [laid_out(rng.normal(size=(size, *shape)), layout) for shape in [(2, 2), (2, 3), (2, 1), ()]]
    whole = f(*arrays)
    for k in range(size):
        same_bits(whole[k], f(*[array[k] for array in arrays]))


@FEWER
@given(expressions(X[:2], smooth=True, max_leaves=6), st.integers(0, 2**32), st.sampled_from([3, 17, 40]))
def test_derivatives_of_a_row_are_the_same_everywhere(expr, seed, size):
    f = native_function(X[:2], expr * x + y)
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=size), rng.normal(size=size)
    whole = f.grad()(a, b)
    for k in range(size):
        for result, row in zip(whole, f.grad()(float(a[k]), float(b[k])), strict=True):
            same_bits(result[k], row)
    for result, mixed in zip(whole, f.grad()(a, b[:1]), strict=True):
        same_bits(mixed[0], result[0])


def test_a_large_batch_in_blocks_and_threads_is_its_rows():
    exprs = [sp.sin(x) * y + sp.exp(x * y), x * y + z, (x * y) ** 2]
    rng = np.random.default_rng(0)
    data = rng.normal(size=(3, 2**18 + 3))  # the rest after whole blocks is shorter than a vector
    results = [
        sg.function(X, exprs, backend=functools.partial(llvm.compile_program, threads=threads))(*data)
        for threads in (1, 2, 3)
    ]
    for result in results[1:]:
        for one, other in zip(results[0], result, strict=True):
            same_bits(one, other)
    f = sg.function(X, exprs, backend="llvm")
    for k in [0, 1, 2**17, 2**18 - 1, 2**18, 2**18 + 1, 2**18 + 2]:
        same_bits(f(*map(float, data[:, k])), [column[k] for column in results[0]])


def test_nothing_is_written_beyond_the_results(monkeypatch):
    f = sg.function((x, y), x * y + sp.exp(x), backend=functools.partial(llvm.compile_program, threads=3))
    monkeypatch.setattr(loops, "rows", lambda: machine_rows.rows(64, 0, 0))
    made = []

    class Guarded:
        """NumPy, but what is empty has a margin on both sides."""

        def __getattr__(self, name):
            return getattr(np, name)

        def empty(self, shape, dtype):
            made.append(np.full(int(np.prod(shape)) + 64, -7.0, dtype))
            return made[-1][32:-32].reshape(shape)

    monkeypatch.setattr(ways, "np", Guarded())
    for size in range(1, 200, 3):
        f._kind.__call__(f, np.ones(size), np.ones(size))
    assert len(made) == 67
    for whole in made:
        assert (whole[:32] == -7).all() and (whole[-32:] == -7).all() and (whole[32:-32] == 1 + np.e).all()


def test_products_are_fused_alike_whatever_is_computed_together():
    """For the first output alone, x*y is needed once; with the last one too, twice."""
    f = sg.function((x, y, s, z), [x * y + s, x * y * z], backend="llvm")
    rng = np.random.default_rng(1)
    for _ in range(50):
        a, b, c = map(float, rng.normal(size=3))
        batch = f(a, b, c, rng.normal(size=40))[0]
        same_bits(batch, np.broadcast_to(f(a, b, c, 1.0)[0], 40))


@given(programs(WILD, [np.float64]).flatmap(lambda case: st.tuples(st.just(case[0]), batches(case[1]))))
def test_outputs_share_no_memory(case):
    program, arrays = case
    results = llvm.compile_program(program)(arrays)
    seen = {}
    for number, result in zip(program.outputs, results, strict=True):
        for other, value in seen.items():
            assert other == number or not np.shares_memory(result, value)
        assert not any(np.shares_memory(result, array) for array in arrays)
        seen[number] = np.asarray(result)


def test_a_product_of_constants_alone_stays_whole():
    product = sg.matmul(sg.matmul([[1, 2]], [[3, 0], [0, 4]]), [[5], [6]])
    value = sg.Session(backend="llvm").run(product)
    assert value.dtype == np.int64 and value.tolist() == [[63]]


@pytest.mark.parametrize("rows", [1, 2, 3, 20])
def test_reductions_of_short_last_axes_align_as_numpy_does(rows):
    """Where the number of axes is known, the last one becomes lanes; a sum without it meets others by their last axes all the same."""
    a, row, one = sg.placeholder("float64", (None, 3)), sg.placeholder("float64", (3,)), sg.placeholder("float64", ())
    sums = sg.reduce_sum(sg.exp(a), -1)
    kept = sg.reduce_max(a * one + row, -1, keepdims=True)
    outputs = [sums * one, kept - a, sg.softmax(a + row, -1) * kept, sg.exp(sums) * row if rows in (1, 3) else sums]
    if rows in (1, 3):
        outputs.append(a - sums)
    rng = np.random.default_rng(rows)
    feeds = {a: rng.normal(size=(rows, 3)), row: rng.normal(size=3), one: 0.3}
    found, expected = (sg.Session(backend=backend).run(outputs, feeds) for backend in ("llvm", "numpy"))
    for have, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-13, strict=True)


def _laid_out(array, rng):
    """The same array in memory of its own: without gaps, or with them, backwards, or aligned to nothing."""
    how = rng.integers(5) if array.ndim else 0
    if how == 1:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if how == 2:
        return array[..., ::-1].copy()[..., ::-1]
    if how > 2:  # aligned to nothing, without gaps and with them
        step = how - 2
        memory = np.zeros(1 + array.nbytes * step, np.uint8)[1:]
        view = memory.view(array.dtype).reshape(*array.shape[:-1], -1)[..., ::step]
        view[...] = array
        return view
    return array


def _calls(rng):
    """Ways to feed three values: the batches of the first two may differ, the third is a number."""
    rows = int(rng.choice([1, 2, 15, 16, 40]))
    first = [(rows,), (rows, 1), (1,), ()][rng.integers(4)]
    second = [(rows,), first, (3, rows), ()][rng.integers(4)]
    kind = rng.choice([np.float64, np.float32])
    third = [np.float64(2), np.float64(0.5), np.float32(3), np.asarray(1.5)][rng.integers(4)]
    return lambda: [_laid_out(rng.normal(size=first).astype(kind), rng), _laid_out(rng.normal(size=second), rng), third]


@pytest.mark.parametrize("seed", range(20))
def test_kernels_of_a_plan_take_what_comes(seed, monkeypatch):
    """Each call computes what NumPy computes, whatever kinds of arrays came before, and how often."""
    learned = []
    learn = runtime.ArrayCalls.learn
    monkeypatch.setattr(runtime.ArrayCalls, "learn", lambda *given: learned.append(given) or learn(*given))
    x, y, number = [sg.placeholder() for _ in range(3)]
    middle = sg.reduce_sum(sg.sin(x) * y + number, axis=-1, keepdims=True) if seed % 2 else sg.exp(x) * number
    outputs = [middle * y - x, sg.tanh(y) + 1.0, sg.square(x), x * number, *sg.gradients(middle * y + x * x, [x, y])]
    outputs.append(sg.reduce_sum(sg.sin(x) * 2.0 + sg.exp(x)))
    program, leaves = Program.of(outputs)
    native, reference = llvm.compile_program(program), numpy_like.compile_program(program)
    rng = np.random.default_rng(seed)
    kinds = [_calls(rng) for _ in range(4)]
    kept = []
    for _ in range(30):
        feeds = dict(zip([x, y, number], kinds[rng.integers(4)](), strict=True))
        values = [feeds[leaf] for leaf in leaves]
        try:
            expected = reference(values)
        except ValueError:
            with pytest.raises(ValueError):
                native(values)
            continue
        kept.append((native(values), expected))
    for found, expected in kept:
        for have, want in zip(found, expected, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
            assert np.shape(have) == np.shape(want) and np.asarray(have).dtype == np.asarray(want).dtype
    assert learned  # some calls went without Python


def test_python_numbers_are_taken_again_and_again():
    x, z = sg.placeholder(), sg.placeholder()
    run = llvm.compile_program(Program.of([sg.sin(x) * z + x])[0])
    for values in (np.ones((40, 6))[:, ::2], np.ones(40)):
        for number in (1.5, np.float64(1.5), np.float32(1.5), np.asarray(1.5)) * 4:
            np.testing.assert_allclose(run([values, number])[0], np.sin(values) * 1.5 + values)


@pytest.mark.parametrize("most", [1, 64])
def test_a_kernel_called_again_takes_arrays_as_they_are_now(most, monkeypatch):
    """What is remembered of arrays are their shapes and strides: not their values, nor where they lie in memory."""
    monkeypatch.setattr(runtime, "_MOST_WAYS", most)
    a, row = sg.placeholder("float64", (None, 3)), sg.placeholder("float64", (3,))
    program, leaves = Program.of([sg.exp(a) * 2.0 - a, sg.exp(row) - 1.0, a * row + sg.sin(a)])
    run = llvm.compile_program(program)
    rng = np.random.default_rng(0)
    kept = []
    for rows in (4, 4, 7, 4, 1, 1, 4):
        x, y = rng.normal(size=(rows, 3)), rng.normal(size=3)
        wide = rng.normal(size=(rows, 6))[:, ::2]
        raw = np.frombuffer(b"-" + x.tobytes(), np.float64, offset=1).reshape(rows, 3)  # aligned to nothing
        for values in (x, wide, raw, x):
            found = run([values if leaf is a else y for leaf in leaves])
            expected = [np.exp(values) * 2 - values, np.exp(y) - 1, values * y + np.sin(values)]
            for have, want in zip(found, expected, strict=True):
                np.testing.assert_allclose(have, want, rtol=1e-13, atol=1e-15, strict=True)
            kept.append((found, expected))
    for found, expected in kept:  # no result was written into again
        for have, want in zip(found, expected, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-13, atol=1e-15)
