"""What derivatives cost, in units of the value: Rosenbrock's function of many variables, in the forms in which it can be written.

    python benchmarks/derivatives.py [variables] [backend]

Prints the time of the value in microseconds, and those of value and gradient and of a Hessian-vector product as multiples of it. All results are
compared with SciPy's closed forms.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import rosen, rosen_der, rosen_hess_prod

import symgraph as sg


def forms(n: int) -> dict[str, tuple[Any, Any]]:
    """The argument and the expression, by name."""
    k, length = sp.Symbol("k", integer=True), sp.Symbol("n", integer=True, positive=True)
    X, u = sp.MatrixSymbol("X", n, 1), sp.IndexedBase("u", shape=(length,))
    symbols = sp.symbols(f"x:{n}", real=True)

    def term(now: Any, following: Any) -> Any:
        return 100 * (following - now**2) ** 2 + (1 - now) ** 2

    return {
        "Sum over a MatrixSymbol": (X, sp.Sum(term(X[k, 0], X[k + 1, 0]), (k, 0, n - 2))),
        "Sum over an IndexedBase": (u, sp.Sum(term(u[k], u[k + 1]), (k, 0, length - 2))),
        "terms of entries": (X, sp.Add(*[term(X[i, 0], X[i + 1, 0]) for i in range(n - 1)])),
        "terms of symbols": ([symbols], sp.Add(*[term(a, b) for a, b in itertools.pairwise(symbols)])),
    }


def seconds(function: Callable[..., Any], *values: Any) -> float:
    """The shortest time of a call."""
    function(*values)
    best, spent = float("inf"), 0.0
    while spent < 0.5:
        start = time.perf_counter()
        function(*values)
        last = time.perf_counter() - start
        best, spent = min(best, last), spent + last
    return best


def main(n: int = 1000, backend: str | None = None) -> None:
    """Measure all forms and print a table."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, n))
    print(f"Rosenbrock's function of {n} variables, backend {backend or 'default'}")
    print(f"{'form':26}{'build':>9}{'value':>12}{'value+grad':>12}{'hessp':>8}")
    for name, (argument, expr) in forms(n).items():
        single = not isinstance(argument, list)
        wrt = argument if single else None
        start = time.perf_counter()
        f = sg.function(argument, expr, backend=backend)
        both, product = f.value_and_grad(wrt), f.hessp(wrt)
        build = time.perf_counter() - start
        ways: Any = [v] if single else v
        value, grad = both(x)
        np.testing.assert_allclose(value, rosen(x), rtol=1e-12)
        np.testing.assert_allclose(np.ravel(grad), rosen_der(x), rtol=1e-10, atol=1e-8)
        np.testing.assert_allclose(np.ravel(product(x, *ways)), rosen_hess_prod(x, v), rtol=1e-10, atol=1e-8)
        unit = seconds(f, x)
        times = [seconds(both, x) / unit, seconds(product, x, *ways) / unit]
        print(f"{name:26}{build:7.1f} s{unit * 1e6:9.1f} us{times[0]:10.1f} x{times[1]:6.1f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, sys.argv[2] if len(sys.argv) > 2 else None)
