"""symgraph.lambdify as a drop-in: forms of arguments and results, modules, strings, documentation; and Function's options."""

import copy
import inspect
import linecache
import pickle

import cloudpickle
import numpy as np
import pytest
import scipy.sparse
import sympy
from sympy.utilities.lambdify import implemented_function

import symgraph as sg
from symgraph import lambdify
from symgraph.parsing import parse

x, y, z = sympy.symbols("x y z")
f = sympy.Function("f")
ONES = np.ones(4)


# --- forms


def test_nested_arguments_and_results():
    g = lambdify([x, (y, [z])], {"a": x, "b": [y, (z, x)]})
    assert g(1, (2, [3])) == {"a": 1, "b": [2, (3, 1)]}
    with pytest.raises(TypeError, match="sequence of 2"):
        g(1, 2)


def test_an_explicit_matrix_of_arguments():
    for argument in (sympy.Matrix([x, y]), sympy.Matrix([[x, y]])):
        g = lambdify([argument], x - y)
        assert g([3, 1]) == 2
        np.testing.assert_array_equal(g([ONES, 2]), -ONES)
    assert lambdify(sympy.Matrix([x, y]), x - y)(3, 1) == 2
    assert lambdify([sympy.Matrix([x, y])], x - y)(np.ones((5, 2, 1))).shape == (5,)


def test_layout_of_explicit_matrices():
    matrix = sympy.Matrix([[x, 1, 0], [0, x, y]])
    assert lambdify([x, y], matrix)(ONES, 2).shape == (2, 3, 4)
    assert sg.function([x, y], matrix)(ONES, 2).shape == (4, 2, 3)
    A = sympy.MatrixSymbol("A", 2, 2)
    assert lambdify(A, A * A)(np.ones((4, 2, 2))).shape == (4, 2, 2)


def test_sparse_matrices():
    result = lambdify(x, sympy.SparseMatrix([[x, 0], [0, 2]]))(3)
    assert isinstance(result, scipy.sparse.coo_matrix)
    np.testing.assert_array_equal(result.toarray(), [[3, 0], [0, 2]])


def test_keys_that_are_expressions_of_the_arguments_are_computed():
    assert lambdify(x, {x: x + 1, 2 * x: x})(3) == {3: 4, 6: 3}
    assert lambdify(x, {y: x})(3) == {y: 3}
    assert pickle.loads(pickle.dumps(lambdify(x, {x: x + 1})))(3) == {3: 4}


def test_truth_is_pythons():
    assert lambdify(x, x > 1)(2) is True
    assert lambdify([], sympy.false)() is False


def test_keywords():
    g = lambdify([x, y], x - y)
    assert g(y=1, x=5) == g(5, y=1) == 4
    with pytest.raises(TypeError, match="multiple values"):
        g(1, x=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'q'"):
        g(1, q=2)
    with pytest.raises(TypeError, match="missing 1 required"):
        g(1)


def test_copies():
    g = lambdify([x, y], [x * y, sympy.Matrix([x, 1])])
    for made in (copy.deepcopy(g), pickle.loads(pickle.dumps(g)), cloudpickle.loads(cloudpickle.dumps(g))):
        assert made(2, 3)[0] == 6
        assert made(ONES, 3)[1].shape == (2, 1, 4)


def test_documentation():
    g = lambdify([x, y], x**2 + y)
    assert g.__name__ == "_lambdifygenerated"
    assert str(inspect.signature(g)) == "(x, y)"
    assert "func(x, y)" in g.__doc__
    assert "x**2 + y" in g.__doc__
    assert "REDACTED" in lambdify(x, x**2 + 1, docstring_limit=2).__doc__
    assert "return x**2 + y" in inspect.getsource(g)
    file = g.__wrapped__.__code__.co_filename
    assert file in linecache.cache
    del g
    assert file not in linecache.cache


# --- modules


def test_functions_and_constants_for_one_call():
    assert lambdify(x, f(x) + sympy.sin(x), [{"f": lambda v: 10 * v, "sin": np.cos}, "numpy"])(0.0) == 1
    assert lambdify(x, sympy.pi * x, {"pi": 3})(2) == 6
    assert lambdify(x, f(x), [{"f": lambda v: 1}, {"f": lambda v: 2}])(0) == 1


def test_implemented_functions():
    g = implemented_function("g", lambda v: v + 100)
    assert lambdify(x, g(x), {"g": lambda v: v})(1) == 101
    assert lambdify(x, g(x), {"g": lambda v: v}, use_imps=False)(1) == 1


def test_registered_functions_have_gradients():
    rise = sympy.Function("rise_of_a_test")
    sg.register(rise, np.sinh, gradient=lambda grad, v: [grad * sg.cosh(v)])
    try:
        value = sg.translate(rise(2 * x))
        slope = sg.gradients(value, sg.translate(x))
        np.testing.assert_allclose(
            sg.Session().run([value, *slope], {x: [0.0, 1.0]}), [np.sinh([0, 2]), 2 * np.cosh([0, 2])]
        )
    finally:
        sg.register(rise, None)
    with pytest.raises(sg.UnsupportedExpressionError, match="undefined"):
        lambdify(x, rise(x))


def test_a_function_without_gradient_says_so():
    value = sg.translate(implemented_function("g", np.sinh)(x))
    with pytest.raises(NotImplementedError, match="register"):
        sg.gradients(value, sg.translate(x))


def test_other_modules_are_sympys():
    assert lambdify(x, sympy.sin(x), "sympy")(y) == sympy.sin(y)
    assert str(lambdify(x, sympy.sqrt(x), "mpmath")(2))[:8] == "1.414213"
    difference = lambdify(x, sympy.Float("1.4142135623730950488016887242097", 32) - x, "sympy")(sympy.sqrt(2))
    assert abs(difference.evalf(20)) < 1e-28


@pytest.mark.parametrize("name", ['__import__("os")', "x; y", "a b"])
def test_no_name_is_handed_on_that_could_be_code(name):
    with pytest.raises(sg.UnsupportedExpressionError, match="run it as code"):
        lambdify(x, x + sympy.Symbol(name), "mpmath")
    with pytest.raises(sg.UnsupportedExpressionError, match="run it as code"):
        lambdify(x, sympy.Function("exit")(x), "sympy")


# --- strings


def test_strings():
    assert lambdify("x y", "2*x**2 + sin(y)")(2, 0) == 8
    assert lambdify(["x", "y"], "[x < y, max(x, y)]")(1, 2) == [True, 2]
    assert [bool(parse("1 < x <= 2", {"x": x}).subs(x, v)) for v in (1, 2, 3)] == [False, True, False]
    assert parse("-pi + E*I") == -sympy.pi + sympy.E * sympy.I


NO_EXPRESSIONS = ["x.__class__", "__import__('os')", "(lambda: 1)()", "[i for i in x]", "open('a')", "x[0]", "f'{x}'"]
NO_EXPRESSIONS += ["sin(*x)", "sin(x=1)", "1 +", "exec('1')", "x is y"]


@pytest.mark.parametrize("text", NO_EXPRESSIONS)
def test_strings_that_are_no_expressions(text):
    with pytest.raises(sg.ArgumentError):
        lambdify(x, text)


def test_long_and_deep_strings():
    assert parse("+".join(["x"] * 2000), {"x": x}) == 2000 * x
    with pytest.raises(sg.ArgumentError):
        parse("(" * 5000 + "x" + ")" * 5000)


# --- meaning


def test_a_branch_with_unbound_symbols_is_an_error_only_where_it_is_taken():
    g = lambdify(x, 2 * sympy.Piecewise((y + 1, x < 0), (x, True)))
    np.testing.assert_array_equal(g(ONES), 2 * ONES)
    with pytest.raises(sg.UnboundSymbolError, match="y"):
        g(np.array([1.0, -1.0]))
    for expr in (sympy.Piecewise((1, y > 0), (x, True)), y + sympy.Piecewise((y, x < 0), (x, True))):
        with pytest.raises(sg.UnboundSymbolError, match="y"):
            lambdify(x, expr)
    with pytest.raises(sg.UnboundSymbolError):
        sg.function(x, sympy.Piecewise((y, x < 0), (x, True)))


def test_the_complex_domain():
    for expr in (sympy.sqrt(x), sympy.log(x), x ** sympy.Rational(1, 3), sympy.asin(x), sympy.acosh(x), (-1) ** x):
        got = lambdify(x, expr, domain="complex")(np.array([-2.5, 0.5]))
        right = [complex(expr.subs(x, v).evalf(30)) for v in (sympy.Rational(-5, 2), sympy.Rational(1, 2))]
        np.testing.assert_allclose(got, right, rtol=1e-14)
    assert lambdify(x, sympy.Max(x, 1) + sympy.Heaviside(x) + sympy.Mod(x, 2), domain="complex")(3.0) == 5
    assert lambdify(x, sympy.sqrt(x), "cmath")(-4) == 2j


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes(dtype):
    A = sympy.MatrixSymbol("A", 2, 2)
    outputs = [
        sympy.sin(x) / 3 + sympy.pi,
        sympy.Matrix([1, x]),
        x * A + sympy.Identity(2),
        sympy.Integer(3),
        sympy.Matrix([[1, 2]]),
    ]
    for result in sg.function([x, A], outputs, dtype=dtype)(2, np.eye(2)):
        assert result.dtype in (dtype, np.empty(0, dtype).real.dtype)
    for result in sg.function([x, A], outputs)(ONES.astype(dtype), np.eye(2, dtype=dtype)):
        assert result.dtype in (dtype, np.empty(0, dtype).real.dtype)
    with pytest.raises(ValueError, match="dtype"):
        sg.function(x, x, dtype=int)


def test_broadcast_can_be_left_out():
    assert np.shape(sg.function(x, [x, 1], broadcast=False)(ONES)[1]) == ()
    assert np.shape(sg.function(x, [x, 1])(ONES)[1]) == (4,)
