"""The test problems of Moré, Garbow and Hillstrom (ACM TOMS 7, 1981): values and gradients with 50 digits, and published minima."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import least_squares, minimize
from sympy.functions.elementary.piecewise import ExprCondPair

import symgraph as sg

PROBLEMS = {p["name"]: p for p in json.loads((Path(__file__).parent / "data/mgh.json").read_text("utf-8"))["problems"]}
NAMES = {**vars(sp), "ExprCondPair": ExprCondPair}
LOST_DIGITS = {"chebyquad_9": 1e-9, "gaussian": 1e-13}  # cancellation in the expressions themselves; all others 1e-14


@pytest.mark.parametrize("name", PROBLEMS)
def test_value_gradient_and_minimum(name):
    problem = PROBLEMS[name]
    x = [sp.Symbol(text, real=True) for text in problem["vars"]]
    expressions = [
        eval(text, dict(NAMES)) for text in problem["residuals"]
    ]  # srepr, from a file that is part of the test
    start = np.array([float(sp.Rational(text)) for text in problem["x0"]])
    r = sg.residuals(expressions, x, backend="numpy")  # compiling would take longer than running, for so few runs
    o = sg.objective(sp.Add(*[e**2 for e in expressions]), x, backend="numpy")

    value, gradient = float(problem["f0"]), np.array(problem["grad0"], float)
    rtol = LOST_DIGITS.get(name, 1e-14)
    assert o.fun(start) == pytest.approx(value, rel=rtol)
    np.testing.assert_allclose(o.jac(start), gradient, rtol=rtol, atol=rtol * np.abs(gradient).max())
    np.testing.assert_allclose(
        2 * r.jac(start).T @ r.fun(start), gradient, rtol=rtol, atol=rtol * np.abs(gradient).max()
    )

    minimum = float(problem["fmin"])
    with np.errstate(all="ignore"):  # trial steps overflow in the problems with exponentials, inside SciPy too
        tight = dict.fromkeys(("ftol", "xtol", "gtol"), 1e-15)
        squares = least_squares(r.fun, start, jac=r.jac, x_scale="jac", max_nfev=1000, **tight)
        smooth = minimize(
            o.fun, start, jac=o.jac, hess=o.hess, method="trust-exact", options={"gtol": 1e-8, "maxiter": 200}
        )
    assert 2 * squares.cost == pytest.approx(minimum, rel=1e-8, abs=1e-20)
    assert smooth.fun == pytest.approx(minimum, rel=1e-6, abs=1e-15)
