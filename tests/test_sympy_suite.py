"""SymPy's own tests of lambdify, run on ours. Tests that are not about results are left out, each with its reason."""

import warnings

import pytest
import sympy.utilities.tests.test_lambdify as suite
from sympy.testing.pytest import Skipped

import symgraph

TESTS = {name: test for name, test in vars(suite).items() if name.startswith("test_") and callable(test)}

SYMBOLIC = "feeds a SymPy symbol, or leaves a free symbol in the result: here values are numbers, and a free symbol is an error"
LEFT_OUT = {
    "test_vector_discontinuous": "expects ZeroDivisionError for the integer 0; here 1/0 is inf for every type of feed",
    "test_numpy_matrix": "finds numpy.dot by the name of a user's function; names are not looked up, give modules=[{'dot': numpy.dot}]",
    "test_numpy_old_matrix": "gives a printer's class name in `modules`, for numpy.matrix",
    "test_sym_single_arg": SYMBOLIC,
    "test_sym_list_args": SYMBOLIC,
    "test_dummification": SYMBOLIC,
    "test_issue_15827": SYMBOLIC,
    "test_imps": "expects an error for two functions of one name with different implementations; here each is computed by its own",
    "test_curly_matrix_symbol": "feeds a number for a 2 x 1 matrix; here a wrong shape is an error",
    "test_issue_13881": "expects the number 14 for X*X.T of a 3 x 1 matrix X fed with one axis; it is a 3 x 3 matrix",
    "test_lambdify_linecache": "is about printed source",
    "test_amin_amax_minimum_maximum": "amin and amax reduce over NumPy's axes of what is fed, which are batch axes here",
    "test_lambdify_Derivative_custom_printer": "is about errors of printers",
    "test_Sum": "compares with SymPy's Integer 462, which is not equal to the float 462.0",
    "test_issue_17898": "expects a complex value of LambertW for a real argument; that is domain='complex'",
    "test_issue_20070": "compiles the function with numba, which takes Python functions only; for numba there is `address`",
    "test_jax_array_arg_using_numpy": "expects NumPy's functions of JAX's arrays to give JAX's arrays; here they give NumPy's",
    "test_deprecated_set": "is about a deprecation warning; a set of arguments has no order and is an error",
}


def test_nothing_is_left_out_that_does_not_exist():
    assert set(LEFT_OUT) <= set(TESTS)
    assert len(TESTS) - len(LEFT_OUT) > 120


@pytest.mark.parametrize("name", sorted(set(TESTS) - set(LEFT_OUT)))
def test_lambdify_suite(name, monkeypatch):
    monkeypatch.setattr(suite, "lambdify", symgraph.lambdify)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            TESTS[name]()
        except Skipped as reason:
            pytest.skip(str(reason))
