"""symgraph beside its peers: array expressions and scalar calls, checked first, interleaved, medians.

    python benchmarks/compare.py [--size 1000000] [--repeat 15]
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import time
from collections.abc import Callable

import mpmath
import numpy as np
import sympy
from sympy import cos, erfc, exp, log, pi, sin, sqrt, tanh

import symgraph

x, y, z, k, r, t, v = sympy.symbols("x y z k r t v", positive=True)


def normal_cdf(d):
    return erfc(-d / sqrt(2)) / 2


d1 = (log(x / k) + (r + v**2 / 2) * t) / (v * sqrt(t))
EXPRESSIONS = {
    "poly": ((x, y), x**5 - 3 * x**3 * y + 2 * x * y**2 - y + 1),
    "trig": ((x, y), sin(x) * cos(y) + exp(-(x**2)) * tanh(y)),
    "gauss": ((x, y, z), exp(-((x - y) ** 2) / (2 * z**2)) / (sqrt(2 * pi) * z)),
    "Black-Scholes": ((x, k, r, t, v), x * normal_cdf(d1) - k * exp(-r * t) * normal_cdf(d1 - v * sqrt(t))),
}


def with_numexpr(args, expr):
    import numexpr

    text, names = str(expr).replace("pi", repr(float(pi))), [a.name for a in args]
    return lambda *values: numexpr.evaluate(text, dict(zip(names, values, strict=True)))


def with_jax(args, expr):
    import jax

    jax.config.update("jax_enable_x64", True)
    f = jax.jit(sympy.lambdify(args, expr, "jax"))
    return lambda *values: np.asarray(f(*values))


def with_numba(args, expr):
    import numba

    return numba.vectorize(sympy.lambdify(args, expr, "math"))


def with_symengine(args, expr):
    import symengine

    f = symengine.Lambdify(args, [expr], backend="llvm")
    return lambda *values: f(np.stack(values, axis=-1))[..., 0]


def with_heyoka(args, expr):
    import heyoka

    hy = heyoka.from_sympy(expr)
    f = heyoka.cfunc([hy], [heyoka.expression(a.name) for a in args])
    return lambda *values: f(np.stack(np.broadcast_arrays(*values)))[0]


def with_symjit(args, expr):
    import symjit

    f = symjit.compile_func(list(args), [expr])
    return lambda *values: f(*values)[0]


PEERS: dict[str, tuple[str | None, Callable]] = {
    "lambdify": (None, lambda args, expr: sympy.lambdify(args, expr)),
    "symgraph": (None, symgraph.lambdify),
    "numexpr": ("numexpr", with_numexpr),
    "numba": ("numba", with_numba),
    "jax": ("jax", with_jax),
    "symengine": ("symengine", with_symengine),
    "heyoka": ("heyoka", with_heyoka),
    "symjit": ("symjit", with_symjit),
}


def checked(make, args, expr, values):
    """The compiled function if it is right at a few points, by mpmath; else what is wrong."""
    try:
        f = make(args, expr)
        got = np.broadcast_to(f(*values), values[0].shape)[:3]
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:60]}"
    exact = sympy.lambdify(args, expr, "mpmath")
    with mpmath.workdps(30):
        right = [float(exact(*(mpmath.mpf(float(v[i])) for v in values))) for i in range(3)]
    return f if np.allclose(got, right, rtol=1e-10, atol=1e-300) else f"wrong: {got} for {right}"


def medians(functions, values, repeat):
    """The median time of each function in ms, all of them in turns."""
    times = {name: [] for name in functions}
    for _ in range(repeat):
        for name, f in functions.items():
            start = time.perf_counter()
            f(*values)
            times[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(taken) for name, taken in times.items()}


def table(title, size, repeat):
    installed = {n: make for n, (module, make) in PEERS.items() if module is None or importlib.util.find_spec(module)}
    rng = np.random.default_rng(0)
    print(f"\n{title} (ms; in brackets: times faster than lambdify)")
    for name, (args, expr) in EXPRESSIONS.items():
        values = [rng.uniform(0.5, 2, size) if size else rng.uniform(0.5, 2) for _ in args]
        arrays = [np.full(3, v) if not size else v for v in values]
        made = {peer: checked(make, args, expr, arrays) for peer, make in installed.items()}
        times = medians({peer: f for peer, f in made.items() if callable(f)}, values, repeat)
        parts = [f"{p} {t:.4g} ({times['lambdify'] / t:.1f})" for p, t in times.items()]
        print(f"  {name:14s}", ", ".join([*parts, *(f"{p}: {f}" for p, f in made.items() if isinstance(f, str))]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    table(f"arrays of {options.size}", options.size, options.repeat)
    table("arrays of 1000", 1000, 20 * options.repeat)
    table("single numbers", 0, 200 * options.repeat)


if __name__ == "__main__":
    main()
