"""Cases from outside: formula sets with values of 30 digits, complaints about lambdify, and real workloads.

The rule for a formula: a value wherever `sympy.lambdify` gives one, with an error of at most max(4 ulp, twice lambdify's). Each exception is listed
with its reason. All expected values come from mpmath (see the data files' own sources).
"""

import importlib.util
import json
import math
import warnings
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from sympy.functions.elementary.piecewise import ExprCondPair

import symgraph as sg

DATA = Path(__file__).parent / "data"
NAMES = {**vars(sympy), "ExprCondPair": ExprCondPair}


def load(name):
    """A data file written in Python, as a module."""
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(module)
    return module


def ulps(got, text):
    """The error of a float in units of the last place of the right value."""
    with mpmath.workdps(40):
        right = mpmath.mpf(text)
        if isinstance(got, complex) or math.isnan(got) or math.isinf(got):
            return 0.0 if not isinstance(got, complex) and math.isinf(got) and float(right) == got else math.inf
        return float(abs(mpmath.mpf(float(got)) - right) / math.ulp(float(right)))


FPBENCH = json.loads((DATA / "fpbench.json").read_text())["cores"]
CANCELLATION = "terms cancel, and which digits are lost depends on the order and rounding of products; lambdify's is luckier on these points"
FUSED = "terms cancel, and the native backend rounds a product that is added to another one only once, so that other digits are lost"
EXCEPTIONS = {
    "Kahan's Monster": "a difference that is 0 in exact arithmetic is compared with 0: rounding decides the branch",
    "peicewise-defined": CANCELLATION,
    "Henrywood and Agarwal, Equation (13)": CANCELLATION,
    "clMeanOscMap-ap": CANCELLATION,
    "Jmat.Real.gamma, branch z greater than 0.5": CANCELLATION,
    "delta4": CANCELLATION,
    "delta": CANCELLATION,
    "HairBSDF, sample_f, cosTheta": FUSED,
    "NMSE problem 3.3.4": FUSED,
    "NMSE Section 6.1 mentioned, A": FUSED,
    "clMeanOscMap-edM": FUSED,
    "d3PSI-dDelta3": FUSED,
}


def fpbench_errors(case):
    """(our error, lambdify's) for each point, in ulp."""
    expr = eval(case["expr"], NAMES)  # a data file of this test
    free = {symbol.name: symbol for symbol in expr.free_symbols}
    f = sg.lambdify([free.get(name, sympy.Symbol(name)) for name in case["args"]], expr)
    for point in case["points"]:
        if point["value"] != "nan":
            lambdify = point["lambdify_ulps"]
            yield (
                ulps(f(*map(float.fromhex, point["x"])), point["value"]),
                math.inf if lambdify is None else float(lambdify),
            )


@pytest.mark.filterwarnings("ignore::symgraph.PrecisionWarning")
def test_fpbench():
    worse, better, count = {}, 0, 0
    for case in FPBENCH:
        for ours, theirs in fpbench_errors(case):
            count += 1
            better += ours < theirs
            if ours > max(4, 2 * theirs):
                worse[case["name"]] = (ours, theirs)
    assert count > 2300
    assert better > 1000
    assert {name: errors for name, errors in worse.items() if name not in EXCEPTIONS} == {}


def test_feynman():
    for case in json.loads((DATA / "feynman.json").read_text())["equations"]:
        symbols = {v["name"]: sympy.Symbol(v["name"], positive=True) for v in case["variables"]}
        expr = eval(case["srepr"], NAMES) if "srepr" in case else sympy.sympify(case["formula"], locals=symbols)
        free = {symbol.name: symbol for symbol in expr.free_symbols}
        args = [free.get(name, sympy.Symbol(name)) for name in symbols]
        ours, theirs = sg.lambdify(args, expr), sympy.lambdify(args, expr)
        for point in case["points"]:
            x = list(map(float.fromhex, point["x"]))
            limit = max(4, 2 * ulps(float(theirs(*x)), point["value"]))
            assert ulps(float(ours(*x)), point["value"]) <= limit, case["id"]


PAINS = load("pains")
COMPLEX = ("P41b", "P41c", "P41e")  # principal values of negative numbers: what domain="complex" is for


@pytest.mark.parametrize("case", PAINS.CASES, ids=lambda case: case[0])
def test_complaints(case):
    if case[0] in COMPLEX:
        case = (*case[:6], {**case[6], "domain": "complex"})
    status, text = PAINS.run(case, sg.lambdify)
    assert status == "ok", text


WORKLOADS = load("workloads").W


def flat(result):
    parts = result if isinstance(result, (list, tuple)) else [result]
    return [np.asarray(part) for part in parts]


def mlp(x, w1, b1, w2):
    return w2 @ np.tanh(w1 @ x + b1)


def gmm_loglik(x, n, *parameters):
    p, m, s = np.reshape(parameters, (3, -1))
    density = p / np.sqrt(2 * np.pi) / s * np.exp(-((x[:n, None] - m) ** 2) / 2 / s**2)
    return np.log(density.sum(axis=1)).sum()


BY_HAND = {"mlp": mlp, "gmm_loglik": gmm_loglik}  # those that sympy.lambdify cannot do, not even row by row


@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads(name):
    args, expr, values = WORKLOADS[name]()
    results = flat(sg.lambdify(args, expr)(*values))
    assert all(np.isfinite(result).all() for result in results)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = flat(sympy.lambdify(args, expr, cse=True)(*values))
    except Exception:
        expected = flat(BY_HAND[name](*values)) if name in BY_HAND else row_by_row(args, expr, values)
    for result, right in zip(results, expected, strict=True):
        if result.shape != right.shape:  # lambdify does not broadcast constants
            right = np.broadcast_to(right, result.shape)
        np.testing.assert_allclose(result, right, rtol=1e-9, atol=1e-12)


def row_by_row(args, expr, values):
    """What lambdify gives for each entry of a batch, where it cannot do the whole."""
    loops = np.broadcast_shapes(*[np.shape(v) for v in values])
    f = sympy.lambdify(args, expr, cse=True)
    columns = [np.broadcast_to(v, loops).reshape(-1) for v in values]
    rows = [flat(f(*row)) for row in zip(*columns, strict=True)]
    return [np.stack([row[i] for row in rows], axis=-1).reshape(*rows[0][i].shape, *loops) for i in range(len(rows[0]))]
