"""Arrays of every kind as feeds: what is taken, what is refused, and that no result shares memory with anything."""

import decimal
import fractions
import itertools

import numpy as np
import pytest
import sympy

import symgraph as sg
from symgraph import Operation, Session, Variable, placeholder

x, y = sympy.symbols("x y")
A, B = sympy.MatrixSymbol("A", 2, 2), sympy.MatrixSymbol("B", 2, 2)
m, n = sympy.symbols("m n", integer=True)

VALUES = np.array([[1.5, -2.0, 3.0], [4.0, 5.0, -6.5]])
LAYOUTS = {
    "negative strides": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2],
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "Fortran": np.asfortranarray,
    "transposed": lambda a: a.T.copy().T,
    "read-only": lambda a: _read_only(a.copy()),
    "broadcast": lambda a: np.broadcast_to(a, (2, *a.shape))[0],
    "nested lists": np.ndarray.tolist,
    "list of arrays": list,
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    "np.matrix": np.asmatrix,
    "subclass": lambda a: a.view(Labelled),
    "array interface": lambda a: Duck(a),
    "memoryview": lambda a: memoryview(np.ascontiguousarray(a)),
}


class Labelled(np.ndarray):
    """A subclass with an opinion about operators."""

    def __mul__(self, other):
        raise AssertionError("a subclass's operator was used")

    __rmul__ = __matmul__ = __rmatmul__ = __add__ = __radd__ = __mul__


class Duck:
    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array


def _read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_of_memory(layout):
    value = layout(VALUES)
    wanted = VALUES * VALUES + np.cos(VALUES)
    M = sympy.MatrixSymbol("M", 2, 3)
    node = placeholder()
    session = Session()
    results = [
        sg.function([x], x**2 + sympy.cos(x))(value),
        session.run(x * x + sympy.cos(x), {x: value}),
        session.run(node * node + sg.cos(node), {node: value}),
        sg.function([M], sympy.HadamardProduct(M, M) + M.applyfunc(sympy.cos))(value),
    ]
    for result in results:
        assert type(result) is np.ndarray
        assert result.dtype == np.float64
        assert result.dtype.isnative
        assert result == pytest.approx(wanted, rel=1e-15)
    assert sg.function([M], M * M.T)(value) == pytest.approx(VALUES @ VALUES.T)
    assert session.run(node @ sg.transpose(node), {node: value}) == pytest.approx(VALUES @ VALUES.T)
    for same in session.run([sg.constant(value), Variable(value)]):
        assert np.array_equal(same, VALUES)
        assert same.dtype.isnative


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float64(2), np.array(2.0), np.int8(2), [[2.0]][0][0], sympy.Integer(2), sympy.sqrt(4)]
)
def test_scalars_of_every_kind(value):
    for result in (sg.function([x], x**2)(value), Session().run(x**2, {x: value})):
        assert type(result) is np.float64
        assert result == 4.0


# --- empty arrays


def test_empty_arrays():
    f = sg.function([x, y], [x * y, 1, sympy.Matrix([x, 1])])
    product, one, matrix = f(np.ones((0, 3)), 2.0)
    assert (product.shape, one.shape, matrix.shape) == ((0, 3), (0, 3), (0, 3, 2, 1))
    assert f([], 1.0)[0].shape == (0,)
    left, right = sympy.MatrixSymbol("L", m, n), sympy.MatrixSymbol("R", n, 2)
    g = sg.function([left, right], left * right)
    assert g(np.ones((0, 3)), np.ones((3, 2))).shape == (0, 2)
    assert g(np.ones((3, 0)), np.ones((0, 2))).tolist() == [[0.0, 0.0]] * 3
    assert g(np.ones((0, 4, 3)), np.ones((3, 2))).shape == (0, 4, 2)
    with pytest.raises(sg.DimensionError):
        g(np.ones((0, 3)), np.ones((0, 2)))
    p = placeholder()
    assert Session().run([sg.reduce_sum(p), sg.reduce_prod(p)], {p: []}) == [0.0, 1.0]
    for reduce in (sg.reduce_max, sg.reduce_min):
        with pytest.raises(ValueError) as caught:
            Session().run(reduce(p), {p: []})
        assert reduce.__name__ in caught.value.__notes__[0]


# --- dtypes


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64, np.uint64])
def test_integers_and_truths_are_numbers_for_a_symbol(dtype):
    value = np.array([0, 1, 1], dtype)
    results = [sg.function([x], 2 * x - 3)(value), Session().run(2 * x - 3, {x: value})]
    for result in results:
        assert result.dtype == np.float64
        assert result.tolist() == [-3.0, -1.0, -1.0]


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.clongdouble]
)
def test_floating_dtypes_are_kept(dtype):
    value = np.array([0.5, 1.5], dtype)
    for result in (
        sg.function([x], 2 * x + 1)(value),
        Session().run(2 * x + 1, {x: value}),
        sg.function([x], 2 * x + 1)(value[0]),
    ):
        assert result.dtype == dtype
    assert np.array_equal(sg.function([x], 2 * x + 1)(value), 2 * value + 1)


def test_numbers_do_not_wrap():
    f = sg.function([x, y], [x - y, x * y, x**40, 2**y])
    for door in (f, lambda a, b: Session().run([x - y, x * y, x**40, 2**y], {x: a, y: b})):
        difference, product, power, _ = door(np.array([1, 100], np.uint8), np.array([2, 200], np.uint8))
        assert difference.tolist() == [-1.0, -100.0]
        assert product.tolist() == [2.0, 20000.0]
        assert power.tolist() == [1.0, 1e80]
        assert door(np.int64(3), -1)[2] == 12157665459056928801.0
        assert door(3, np.array([-1, -2]))[3].tolist() == [0.5, 0.25]
        assert door(2**70, 1)[0] == 2.0**70 - 1


def test_true_is_one():
    assert sg.function([x], [x + x, -x])(True) == [2.0, -1.0]
    assert sg.function([x], -x)(np.array([True, False])).tolist() == [-1.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_a_function_with_a_dtype_computes_in_it(dtype):
    f = sg.function([x], [sympy.sin(x) + sympy.pi, 2], dtype=dtype)
    for value in (1, 1.0, np.float32(1), np.float64(1), [1, 2], np.array([1, 2], np.int8)):
        for result in f(value):
            assert result.dtype == dtype


DECLARED = [
    (np.int64, 1.5, TypeError),
    (np.int64, np.array([1.0]), TypeError),
    (np.int8, 300, ValueError),
    (np.int8, np.array([1, -129]), ValueError),
    (np.uint8, -1, ValueError),
    (np.uint64, np.array([-1]), ValueError),
    (np.int64, 2**63, ValueError),
    (np.int64, 2**64, TypeError),
    (np.float64, 1j, TypeError),
    (np.float32, np.array([1 + 0j]), TypeError),
    (bool, 1, TypeError),
    (np.float32, 1e300, ValueError),
    (np.float16, np.array([1.0, 1e5]), ValueError),
    (np.complex64, 1e300j, ValueError),
]


@pytest.mark.parametrize(("dtype", "value", "error"), DECLARED)
def test_a_value_that_a_declared_dtype_cannot_hold(dtype, value, error):
    node = placeholder(dtype, name="declared")
    with pytest.raises(error, match="declared"):
        Session().run(node, {node: value})
    for make in (
        sg.constant,
        lambda v, dtype: Variable(v, dtype=dtype),
        lambda v, dtype: placeholder(dtype, default=v),
    ):
        with pytest.raises((TypeError, OverflowError)):
            make(value, dtype=dtype)


HELD = [
    (np.int8, 127),
    (np.int8, np.array([-128, 127])),
    (np.uint8, np.array([True])),
    (np.uint64, 2**63),
    (np.float32, 7),
    (np.float32, np.inf),
    (np.float32, np.array([np.nan, -np.inf, 1e30])),
    (np.float64, np.float16(1.5)),
    (np.complex64, 2.5),
    (bool, True),
    (np.int64, np.array([], np.uint8)),
]


@pytest.mark.parametrize(("dtype", "value"), HELD)
def test_a_value_that_a_declared_dtype_holds(dtype, value):
    node = placeholder(dtype)
    values = Session().run([node, sg.constant(value, dtype=dtype), Variable(value, dtype=dtype)], {node: value})
    for result in values:
        assert result.dtype == dtype
        assert np.array_equal(result, np.asarray(value).astype(dtype), equal_nan=dtype == np.float32)


def test_numpys_promotion_holds_between_nodes():
    types = [np.int8, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64, np.complex64, bool]
    for first, second in itertools.product(types, types):
        a, b = placeholder(first), placeholder(second)
        node = a * b
        result = Session().run(node, {a: first(1), b: second(1)})
        assert result.dtype == np.multiply(first(1), second(1)).dtype
        assert node.dtype in (None, result.dtype)
    half = placeholder(np.float16)
    assert Session().run(half * 2.5 + 1, {half: 1}).dtype == np.float16


# --- what is refused

REFUSED = {
    "None": None,
    "text": "1",
    "bytes": b"1",
    "texts": ["1", "2"],
    "text array": np.array(["1"]),
    "None in a list": [1.0, None],
    "Fraction": fractions.Fraction(1, 2),
    "Fractions": [fractions.Fraction(1, 2)],
    "Decimal": decimal.Decimal("0.5"),
    "Decimals": np.array([decimal.Decimal(1)]),
    "symbol": x,
    "expression in a list": [1.0, x + 1],
    "set": {1.0},
    "dict": {"a": 1.0},
    "generator": (i for i in range(3)),
    "object": object(),
    "function": abs,
    "class": float,
    "date": np.datetime64("2020-01-01"),
    "span": np.timedelta64(1, "s"),
    "records": np.zeros(2, [("a", float)]),
    "masked": np.ma.array([1.0, 2.0], mask=[False, True]),
    "unmasked masked": np.ma.array([1.0, 2.0]),
    "masked constant": np.ma.masked,
    "list of masked": [np.ma.array([1.0, 2.0], mask=[False, True])],
    "masked in a tuple": (1.0, np.ma.masked),
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_what_is_no_number_is_refused_by_name(value):
    node = placeholder(name="zeta")
    zeta = sympy.Symbol("zeta")
    doors = [
        lambda: Session().run(node, {node: value}),
        lambda: Session().run(zeta + 1, {zeta: value}),
        lambda: sg.function([zeta], zeta * 2)(value),
        lambda: sg.lambdify([zeta], zeta * 2)(value),
    ]
    for door in doors:
        with pytest.raises(TypeError, match="zeta") as caught:
            door()
        assert isinstance(caught.value, sg.FeedTypeError)


def test_a_node_is_no_value():
    node, other = placeholder(name="zeta"), placeholder(name="other")
    for value in (other, [other], [1.0, other + 1]):
        with pytest.raises(TypeError, match=r"zeta.*node"):
            Session().run(node, {node: value})


@pytest.mark.parametrize("value", [[[1.0], [1.0, 2.0]], [1.0, [2.0]], [np.ones(2), np.ones(3)], [[1.0], 2.0]])
def test_ragged_lists_are_refused_by_name(value):
    node, zeta = placeholder(name="zeta"), sympy.Symbol("zeta")
    for door in (
        lambda: Session().run(node, {node: value}),
        lambda: Session().run(zeta, {zeta: value}),
        lambda: sg.function([zeta], zeta)(value),
    ):
        with pytest.raises(ValueError, match="zeta"):
            door()


def test_numbers_that_are_objects_are_numbers():
    values = [sympy.Rational(1, 2), sympy.pi, 2**70, np.float32(2)]
    wanted = [0.5, np.pi, 2.0**70, 2.0]
    assert sg.function([x], x)(values).tolist() == wanted
    assert sg.function([x], x)(np.array(values, object)).tolist() == wanted
    assert sg.function([x], x)([sympy.I, 1]).tolist() == [1j, 1]
    M = sympy.MatrixSymbol("M", 2, 1)
    for matrix in (
        sympy.Matrix([1, sympy.Rational(1, 2)]),
        sympy.ImmutableMatrix([1, sympy.Rational(1, 2)]),
        sympy.Array([[1], [0.5]]),
    ):
        assert sg.function([M], 2 * M)(matrix).tolist() == [[2.0], [1.0]]
    with pytest.raises(ValueError, match="x: int too large"):
        sg.function([x], x)(10**400)


# --- shapes of feeds


def test_shapes_that_do_not_fit_name_both():
    column = sympy.MatrixSymbol("c", 3, 1)
    f, g = sg.function([A], A.T), sg.function([column], 2 * column)
    for value, text in (
        (np.ones((5, 3)), "(5, 3)"),
        (np.ones(2), "(2,)"),
        (1.0, "()"),
        (np.ones((2, 2, 3)), "(2, 2, 3)"),
    ):
        with pytest.raises(ValueError) as caught:
            f(value)
        assert f"shape {text} for A, which has shape (2, 2)" in str(caught.value)
    for value in (np.ones(2), np.ones((1, 3)), np.ones((5, 3))):
        with pytest.raises(ValueError, match=r"which has shape \(3, 1\)"):
            g(value)
    assert g(np.ones(3)).shape == (3, 1)
    assert g(np.ones((5, 3, 1))).shape == (5, 3, 1)


def test_batch_axes_come_first_and_broadcast():
    f = sg.function([A, B, x], [A * B, A.T, x * A, 7, sympy.Matrix([[x, 1]])])
    first, second, scalars = (
        np.arange(12.0).reshape(3, 2, 2),
        np.arange(4.0).reshape(2, 2),
        np.arange(15.0).reshape(5, 3),
    )
    product, transposed, scaled, seven, matrix = f(first, second, scalars)
    assert np.array_equal(product, np.broadcast_to(first @ second, (5, 3, 2, 2)))
    assert np.array_equal(transposed, np.broadcast_to(first.transpose(0, 2, 1), (5, 3, 2, 2)))
    assert np.array_equal(scaled, scalars[..., None, None] * first)
    assert np.array_equal(seven, np.full((5, 3), 7.0))
    assert np.array_equal(matrix[..., 0, 0], scalars)
    assert np.array_equal(matrix[..., 0, 1], np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"do not broadcast: A \(3,\), B \(4,\)"):
        f(first, np.ones((4, 2, 2)), 1.0)
    with pytest.raises(ValueError, match=r"do not broadcast"):
        Session().run(A * B, {A: first, B: np.ones((4, 2, 2))})


def test_symbolic_dimensions_must_agree():
    left, vector = sympy.MatrixSymbol("left", m, n), sympy.MatrixSymbol("vector", n, 1)
    f = sg.function([left, vector], left * vector)
    assert f.signature == "(m,n),(n,1)->(m,1)"
    with pytest.raises(ValueError, match="The dimension n is 3 from left and 4 from vector"):
        f(np.ones((2, 3)), np.ones(4))
    g = sg.function([vector, n], n * vector)
    with pytest.raises(ValueError, match=r"The dimension n is 3 from vector, but 4 is fed for it"):
        g(np.ones(3), 4)
    double = sympy.MatrixSymbol("double", 2 * n, 1)
    h = sg.function([double, vector], [double, vector])
    assert h(np.ones(6), np.ones(3))[0].shape == (6, 1)
    with pytest.raises(ValueError, match=r"The dimension 2\*n is 5 from double, but 6 with n = 3 from vector"):
        h(np.ones(5), np.ones(3))
    with pytest.raises(ValueError, match=r"2\*n is 5 from double, and no integer n"):
        sg.function([double], double)(np.ones(5))
    p = sympy.Symbol("p", positive=True, integer=True)
    positive = sympy.MatrixSymbol("positive", p, 1)
    with pytest.raises(ValueError, match="p is 0 from positive, which its assumptions exclude"):
        sg.function([positive], positive)(np.ones(0))


# --- memory that is shared with nothing


def same_memory(arrays):
    return [(i, j) for (i, a), (j, b) in itertools.combinations(enumerate(arrays), 2) if np.shares_memory(a, b)]


def scribble(array):
    """Other bits in every entry."""
    array[...] = array.dtype.type(-77)


class echo(Operation):
    """Returns the very array that it gets."""

    def compute(self, x_value):
        return x_value


class keeping(Operation):
    """Returns an array that it keeps, and a view of it the next time."""

    kept = None

    def compute(self, x_value):
        if self.kept is None:
            self.kept = np.array(x_value, dtype=float)
        return self.kept


class echo_xp(Operation):
    def compute(self, x_value, *, xp=np):
        return x_value


def fetches():
    p, w, c = (
        placeholder(name="p"),
        Variable(np.arange(6.0).reshape(2, 3)),
        sg.constant(np.arange(100.0).reshape(10, 10)),
    )
    held = keeping([p])
    new = sg.assign(w, p * 2.0)
    nodes = [
        p,
        sg.identity(p),
        p.T,
        p[0],
        p[:, ::-1],
        sg.reshape(p, (-1,)),
        sg.expand_dims(p, 0),
        sg.broadcast_to(p, (4, 2, 3)),
    ]
    nodes += [
        w,
        sg.identity(w),
        w.T,
        c,
        c[0],
        sg.identity(c),
        echo([p]),
        echo_xp([p]),
        echo([w]),
        echo_xp([c]),
        held,
        held.T,
        new,
    ]
    nodes += [
        sg.stop_gradient(p),
        sg.real(p),
        sg.conjugate(p),
        sg.squeeze(p),
        sg.cast(p, float),
        sg.where(True, p, p),
        p + 0,
    ]
    return p, w, nodes + nodes  # each twice


def test_results_share_memory_with_nothing_and_nothing_is_written_to():
    p, w, nodes = fetches()
    session = Session()
    fed = np.arange(6.0).reshape(2, 3) + 1
    original = fed.copy()
    kept = session.run(w)
    first = session.run(nodes, {p: fed})
    assert np.array_equal(fed, original)
    arrays = [value for value in first if isinstance(value, np.ndarray)]
    assert len(arrays) == len(first)
    assert all(array.flags.writeable for array in arrays)
    assert same_memory([fed, kept, *arrays]) == []
    copies = [array.copy() for array in arrays]
    for place, array in enumerate(arrays):
        scribble(array)
        assert all(np.array_equal(a, c) for a, c in zip(arrays[place + 1 :], copies[place + 1 :], strict=True)), place
    assert np.array_equal(fed, original)
    assert np.array_equal(session.run(w), original * 2)
    session.run(sg.assign(w, kept))
    again = session.run(nodes, {p: fed})
    assert all(np.array_equal(a, c) for a, c in zip(again, copies, strict=True))


def test_writing_to_what_was_fed_changes_nothing_that_was_computed_or_kept():
    p, w, nodes = fetches()
    session = Session()
    fed = np.arange(6.0).reshape(2, 3) + 1
    results = session.run(nodes, {p: fed})
    copies = [result.copy() for result in results]
    state = session.run(w)
    scribble(fed)
    assert all(np.array_equal(a, c) for a, c in zip(results, copies, strict=True))
    assert np.array_equal(session.run(w), state)
    start = np.zeros(3)
    v, c = Variable(start), sg.constant(start)
    d = placeholder(default=start)
    scribble(start)
    assert [value.tolist() for value in session.run([v, c, d])] == [[0.0] * 3] * 3


def test_variables_of_a_run_are_kept_by_value():
    v, p = Variable(np.zeros(2)), placeholder()
    session = Session()
    fed = np.array([1.0, 2.0])
    result = session.run(sg.assign(v, p), {p: fed})
    scribble(fed)
    scribble(result)
    assert session.run(v).tolist() == [1.0, 2.0]
    first = session.run(v)
    scribble(first)
    assert session.run(v).tolist() == [1.0, 2.0]
    session.run(v, {v: fed})
    scribble(fed)
    assert session.run(v).tolist() == [1.0, 2.0]


FUNCTIONS = {
    "the argument": ([x], x),
    "twice": ([x], [x, x, {"k": (x,)}]),
    "constants": ([x], [7, 7, sympy.pi]),
    "transposes": ([A], [A, A.T, A.T.T, sympy.Transpose(A)]),
    "parts": ([A], [A[0, 0], A[0, 1], A[:, 0], A[0, :], sympy.Matrix(A), A.as_explicit()]),
    "matrices": ([x], [sympy.Matrix([x, 1]), sympy.Matrix([x, 1]), sympy.Array([x, x])]),
    "sums": ([x, A], [x + 1, x + 1, A + A, 2 * A]),
    "constant matrices": ([A], [sympy.eye(2), sympy.Identity(2), sympy.ZeroMatrix(2, 2)]),
}


@pytest.mark.parametrize("make", [sg.function, sg.lambdify], ids=["function", "lambdify"])
@pytest.mark.parametrize(("args", "outputs"), FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("batch", [(), (3,), (2, 1)], ids=str)
def test_results_of_functions_share_memory_with_nothing(make, args, outputs, batch):
    f = make(args, outputs)
    shapes = [(*batch, *((2, 2) if symbol.is_Matrix else ())) for symbol in args]
    fed = [np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape) for shape in shapes]
    originals = [value.copy() for value in fed]
    leaves = sg.structure.Structure(f(*fed)).leaves
    arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
    assert all(np.isscalar(leaf) for leaf in leaves if not isinstance(leaf, np.ndarray))
    assert same_memory([*[v for v in fed if v.ndim], *arrays]) == []
    copies = [array.copy() for array in arrays]
    for place, array in enumerate(arrays):
        scribble(array)
        assert all(np.array_equal(a, c) for a, c in zip(arrays[place + 1 :], copies[place + 1 :], strict=True))
    assert all(np.array_equal(value, original) for value, original in zip(fed, originals, strict=True))
    again = [leaf for leaf in sg.structure.Structure(f(*fed)).leaves if isinstance(leaf, np.ndarray)]
    assert all(np.array_equal(a, c) for a, c in zip(again, copies, strict=True))
    for value in fed:
        scribble(value)
    assert all(np.array_equal(a, c) for a, c in zip(again, copies, strict=True))


@pytest.mark.parametrize("with_xp", [False, True])
def test_a_users_operation_cannot_write_to_its_inputs(with_xp):
    class adding(Operation):
        def compute(self, x_value):
            x_value += 1
            return x_value

    class adding_xp(Operation):
        def compute(self, x_value, *, xp=np):
            x_value += 1
            return x_value

    p = placeholder()
    w = Variable([1.0, 2.0])
    fed = np.array([1.0, 2.0])
    for source in (p, w, p * 2.0, sg.constant([1.0, 2.0])):
        with pytest.raises(ValueError, match="read-only") as caught:
            Session().run((adding_xp if with_xp else adding)([source]), {p: fed})
        assert "Copy them first" in caught.value.__notes__[1]
    assert fed.tolist() == [1.0, 2.0]


def test_a_constant_may_stay_one_number():
    assert sg.function([x], [7, x], broadcast=False)([1.0, 2.0])[0] == 7.0
    assert sg.function([x], [7, x])([1.0, 2.0])[0].tolist() == [7.0, 7.0]
