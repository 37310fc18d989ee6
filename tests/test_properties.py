"""What holds for random expressions: values, gradients, batches, sharing, pickling.

HYPOTHESIS_PROFILE=nightly runs 2 000 examples of each.
"""

import pickle

import numpy as np
import sympy as sp
from hypothesis import event, given
from hypothesis import strategies as st

import symgraph as sg
from symgraph.graph import postorder
from symgraph.nodes import Operation
from symgraph.testing import (
    check_against_lambdify,
    check_gradient,
    conditions,
    expressions,
    judge,
    matrix_expressions,
    values_for,
)

X = x, y, z = sp.symbols("x y z", real=True)
n = sp.Symbol("n", integer=True, positive=True)
A, B = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("B", 2, 3)
u, s = sp.MatrixSymbol("u", 2, 1), sp.Symbol("s", real=True)
M, N, v = sp.MatrixSymbol("M", n, n), sp.MatrixSymbol("N", n, 2), sp.MatrixSymbol("v", n, 1)
CONCRETE, SYMBOLIC = [A, B, u, s], [M, N, v, s]


def test_an_equation_of_what_is_nan_after_rounding_has_no_value():
    assert judge(sp.Eq(x, y ** (2 * x)), {x: 1.0, y: -1.0}) is None  # y to a power that is no integer any more


def some_matrices():
    """(symbols, expression) with dimensions that are numbers, or symbols."""
    return st.sampled_from([CONCRETE, SYMBOLIC]).flatmap(
        lambda them: st.tuples(st.just(them), matrix_expressions(them)).filter(prints)
    )


def prints(case):
    """Whether SymPy can print the expression: not so the diagonal of an explicit matrix in a block matrix, whose shape is no SymPy number."""
    try:
        return bool(str(case[1]))
    except AttributeError:
        return False


def refused(expr, values):
    """Whether a constant of the expression is beyond float64; then there is no value to compare with."""
    try:
        sg.function(list(values), expr)
    except sg.ConstantError:
        assert judge(expr, {s: np.asarray(value).flat[0] for s, value in values.items()}) is None
        return True
    return False


# --- values


@given(expressions(X), values_for(X))
def test_scalar_values(expr, values):
    judged = not refused(expr, values) and check_against_lambdify(X, expr, values)
    event("judged" if judged else "no definite value")


@given(conditions(expressions(X, max_leaves=4)), values_for(X))
def test_conditions(expr, values):
    judged = not refused(expr, values) and check_against_lambdify(X, expr, values)
    event("judged" if judged else "no definite value")


@given(some_matrices(), st.data())
def test_matrix_values(case, data):
    symbols, expr = case
    judged = check_against_lambdify(symbols, expr, data.draw(values_for(symbols)))
    event("judged" if judged else "no definite value")


def complex_expressions():
    """Of entire functions, since what a function with a branch cut gives on the cut depends on the sign of a zero."""
    entire = st.sampled_from([sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.re, sp.im, sp.conjugate, sp.Abs])
    leaves = st.sampled_from([*sp.symbols("z w"), sp.I, sp.Integer(2), sp.Rational(-1, 3), sp.pi])

    def extend(inner):
        both = st.sampled_from([sp.Add, sp.Mul])
        return (
            st.builds(lambda f, a, b: f(a, b), both, inner, inner)
            | st.builds(lambda f, a: f(a), entire, inner)
            | st.builds(sp.Pow, inner, st.sampled_from([2, 3]))
        )

    return st.recursive(leaves, extend, max_leaves=5)


@given(
    complex_expressions(), st.lists(st.complex_numbers(max_magnitude=2, allow_subnormal=False), min_size=2, max_size=2)
)
def test_complex_values(expr, numbers):
    symbols = sp.symbols("z w")
    values = {symbol: complex(number.real, number.imag or 0.5) for symbol, number in zip(symbols, numbers, strict=True)}
    judged = check_against_lambdify(symbols, expr, values)
    event("judged" if judged else "no definite value")


# --- gradients


@given(expressions(X[:2], smooth=True, max_leaves=6), values_for(X[:2]))
def test_gradients_of_smooth_expressions(expr, values):
    event("compared" if not refused(expr, values) and check_gradient(X[:2], expr, values) else "no definite value")


@given(expressions(X[:2], max_leaves=6), values_for(X[:2]))
def test_gradients_with_choices_and_kinks(expr, values):
    event("compared" if not refused(expr, values) and check_gradient(X[:2], expr, values) else "no definite value")


@given(
    st.sampled_from([[A, u, s], [M, v, s]]).flatmap(
        lambda them: st.tuples(st.just(them), matrix_expressions(them, max_size=5))
    ),
    st.data(),
)
def test_matrix_gradients(case, data):
    symbols, expr = case
    event("compared" if check_gradient(symbols, expr, data.draw(values_for(symbols))) else "no definite value")


@given(expressions(X[:2], max_leaves=4), st.data())
def test_gradients_of_a_batch_are_those_of_its_rows(expr, data):
    values = data.draw(values_for(X[:2], batch=(2,)))
    event("compared" if not refused(expr, values) and check_gradient(X[:2], expr, values) else "no definite value")


# --- batches


@given(expressions(X), values_for(X, batch=(3,)), st.sets(st.sampled_from(X)))
def test_a_batch_of_numbers_is_its_rows(expr, values, alone):
    if refused(expr, values):
        return
    values = {symbol: float(value[0]) if symbol in alone else value for symbol, value in values.items()}
    f = sg.function(X, expr)
    result = np.asarray(f(*values.values()))
    rows = [f(*[value if symbol in alone else value[i] for symbol, value in values.items()]) for i in range(3)]
    expected = np.asarray(rows[0] if alone == set(X) else rows)
    assert result.shape == expected.shape and result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@given(some_matrices(), st.data())
def test_a_batch_of_matrices_is_its_rows(case, data):
    symbols, expr = case
    values = data.draw(values_for(symbols, batch=(3,)))
    alone = data.draw(st.sets(st.sampled_from(symbols)))
    values = {symbol: value[0] if symbol in alone else value for symbol, value in values.items()}
    f = sg.function(symbols, expr)
    row = np.asarray(f(*[value if symbol in alone else value[0] for symbol, value in values.items()]))
    result = np.asarray(f(*values.values()))
    assert result.shape == (row.shape if alone == set(symbols) else (3, *row.shape)) and result.dtype == row.dtype
    check_against_lambdify(symbols, expr, values)


# --- graphs


@given(expressions(X) | matrix_expressions(SYMBOLIC), expressions(X))
def test_translating_twice_gives_the_same_nodes(expr, other):
    with sg.Graph().as_default() as graph:
        try:
            node = sg.translate(expr)
        except sg.ConstantError:
            return
        before = len(graph)
        assert sg.translate(expr) is node
        assert len(graph) == before
        again = sg.translate([expr, {"both": (expr, expr)}])
        assert again[0] is again[1]["both"][0] is again[1]["both"][1] is node


@given(expressions(X), values_for(X))
def test_pickling_round_trip(expr, values):
    if refused(expr, values) or pickle.loads(pickle.dumps(expr)) != expr:  # SymPy evaluates anew what it reads
        return
    f = sg.function(X, {"value": expr, "twice": [2 * expr]}, name="g")
    copy = pickle.loads(pickle.dumps(f))
    assert copy.args == f.args and copy.outputs == f.outputs and copy.__name__ == "g"
    assert str(copy.program) == str(f.program)
    first, second = f(*values.values()), copy(*values.values())
    np.testing.assert_array_equal(second["value"], first["value"])
    np.testing.assert_array_equal(second["twice"], first["twice"])


@given(some_matrices(), st.data())
def test_pickling_round_trip_of_matrices(case, data):
    symbols, expr = case
    f = sg.function(symbols, expr)
    copy = pickle.loads(pickle.dumps(f))
    values = data.draw(values_for(symbols)).values()
    assert copy.signature == f.signature
    np.testing.assert_array_equal(copy(*values), f(*values))


@given(expressions(X), values_for(X, batch=(2,)), st.data())
def test_feeding_intermediate_nodes_changes_nothing(expr, values, data):
    if refused(expr, values):
        return
    with sg.Graph().as_default() as graph:
        y = sg.translate(expr)
    known = {node.symbol for node in graph.placeholders}
    session, inputs = sg.Session(graph), {symbol: value for symbol, value in values.items() if symbol in known}
    whole = session.run(y, inputs)
    inner = [node for node in postorder([y]) if isinstance(node, Operation)]
    if not inner:
        return
    cut = data.draw(st.lists(st.sampled_from(inner), min_size=1, max_size=3, unique_by=id))
    found = dict(zip(cut, session.run(cut, inputs), strict=True))
    np.testing.assert_array_equal(session.run(y, {**inputs, **found}), whole)
    # and nothing above the cut is needed
    if cut == [y]:
        np.testing.assert_array_equal(session.run(y, found), whole)
    else:
        below = set(postorder([y], lambda node: () if node in found else node.input_nodes))
        needed = {
            symbol: value for symbol, value in values.items() if any(getattr(n, "symbol", 0) == symbol for n in below)
        }
        np.testing.assert_array_equal(session.run(y, {**needed, **found}), whole)
