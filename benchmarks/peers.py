"""The peers: how each makes a function of SymPy expressions, and in which form it wants its arguments. All are optional.

A maker takes the arguments, the list of outputs (scalars), and the number of threads, and gives a Compiled. Arguments are put into the form a peer
wants before its time is taken.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

import symgraph as sg
from symgraph import backends

from .measure import Compiled, Options, Values

__all__ = ["ARRAYS", "NUMBERS", "Maker", "chosen", "flattened", "symgraph_of"]

Maker = Callable[[Sequence[Any], Sequence[Any], int], Compiled]
BACKEND = "llvm" if importlib.util.find_spec("llvmlite") else "numpy"


def symgraph_of(args: Sequence[Any], outputs: Any, threads: int) -> Compiled:
    """A Function whose outputs may be matrices too."""
    backend = BACKEND if threads == 0 else backends.get(BACKEND, threads=threads)
    return Compiled(sg.function(list(args), list(outputs), backend=backend), unpack=flattened)


def flattened(result: Any) -> list[Any]:
    """The entries of results that have their own axes behind that of the rows, one array for each."""
    results = result if isinstance(result, (list, tuple)) else [result]
    rows = max(r.shape[0] if r.ndim > 2 or r.ndim == 1 else 0 for r in map(np.asarray, results))
    entries: list[Any] = []
    for array in map(np.asarray, results):
        entries += list(array.reshape(rows, -1).T if rows else array.reshape(-1))
    return entries


def _symgraph(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    return Compiled(symgraph_of(args, outputs, threads).call)


def _symgraph_number(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    if len(outputs) == 1:
        return Compiled(sg.function(list(args), outputs[0], backend=BACKEND), unpack=lambda result: [result])
    return Compiled(sg.function(list(args), list(outputs), backend=BACKEND))


def _symgraph_native(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    made = _symgraph_number(args, outputs, threads)
    return Compiled(made.call.native, unpack=made.unpack)  # type: ignore[attr-defined]


def _lambdify(modules: Any, cse: bool) -> Maker:
    def make(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
        if len(outputs) == 1:  # a list around one result would cost time
            return Compiled(sp.lambdify(args, outputs[0], modules, cse=cse), unpack=lambda result: [result])
        return Compiled(sp.lambdify(args, list(outputs), modules, cse=cse))

    return make


def _numexpr(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import numexpr

    if threads:
        numexpr.set_num_threads(threads)
    if len(outputs) > 1:
        raise NotImplementedError("one output only")
    text, names = str(outputs[0]).replace("pi", repr(float(sp.pi))), [str(a) for a in args]

    def call(**values: Any) -> Any:
        return numexpr.evaluate(text, values)

    return Compiled(lambda *values: call(**dict(zip(names, values, strict=True))), unpack=lambda result: [result])


def _numba(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import numba

    parallel = threads > 1
    if parallel:
        numba.set_num_threads(threads)
    if len(outputs) == 1:
        kind = "parallel" if parallel else "cpu"
        function = sp.lambdify(args, outputs[0], "math", cse=True)
        made = numba.vectorize([f"f8({', '.join(['f8'] * len(args))})"], target=kind)(function)
        return Compiled(made, unpack=lambda result: [result])
    from numba.np.unsafe.ndarray import to_fixed_tuple

    point = _numba_number(args, outputs, threads).call
    count, width = len(args), len(outputs)

    @numba.njit(parallel=parallel)
    def loop(rows: Any) -> Any:
        out = np.empty((rows.shape[0], width))
        for i in numba.prange(rows.shape[0]):
            results = point(*to_fixed_tuple(rows[i], count))
            for j in range(width):
                out[i, j] = results[j]
        return out

    return Compiled(loop, lambda values: [_rows(values)], lambda result: list(result.T))


def _numba_number(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import numba

    floats = [sp.Float(e) if e.is_Number else e for e in outputs]  # a tuple with an axis needs one type
    expr = floats[0] if len(outputs) == 1 else tuple(floats)
    made = numba.njit(sp.lambdify(args, expr, "math", cse=True))
    return Compiled(made, unpack=lambda result: [result] if len(outputs) == 1 else list(result))


def _jax(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import jax

    jax.config.update("jax_enable_x64", True)
    modules = [{"erfc": jax.scipy.special.erfc}, "jax"]
    made = jax.jit(sp.lambdify(args, list(outputs), modules, cse=True))
    return Compiled(
        lambda *values: jax.block_until_ready(made(*values)),
        lambda values: [jax.numpy.asarray(v, dtype=float) for v in values],
        lambda result: [np.asarray(r) for r in result],
    )


def _rows(values: Values) -> Any:
    return np.ascontiguousarray(np.stack(np.broadcast_arrays(*values), axis=-1), dtype=float)


def _symengine(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import symengine

    made = symengine.Lambdify(list(args), list(outputs), backend="llvm", cse=True)
    return Compiled(made, lambda values: [_rows(values)], lambda result: list(np.moveaxis(np.asarray(result), -1, 0)))


def _heyoka(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import heyoka

    exprs = [heyoka.from_sympy(expr) for expr in outputs]
    made = heyoka.cfunc(exprs, [heyoka.expression(str(a)) for a in args])
    return Compiled(made, lambda values: [np.stack(np.broadcast_arrays(*values)).astype(float)])


def _symjit(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import symjit

    return Compiled(symjit.compile_func(list(args), list(outputs)))


def _casadi(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    import casadi

    names = ("sin", "cos", "tan", "tanh", "exp", "log", "sqrt", "erf")
    modules = {**{name: getattr(casadi, name) for name in names}, "erfc": lambda x: 1 - casadi.erf(x), "pi": np.pi}
    symbols = [casadi.SX.sym(str(a)) for a in args]
    results = sp.lambdify(args, list(outputs), [modules], cse=True)(*symbols)
    point = casadi.Function("point", symbols, [casadi.vertcat(*results)])
    functions: dict[int, Any] = {}

    def prepare(values: Values) -> list[Any]:
        values = [np.asarray(v) for v in np.broadcast_arrays(*values)]
        count = values[0].size
        if count not in functions:
            functions[count] = point.map(count, "thread", threads) if threads > 1 else point.map(count)
        return [functions[count], [casadi.DM(v.reshape(1, -1)) for v in values]]

    return Compiled(lambda f, values: f.call(values), prepare, lambda result: list(np.asarray(result[0])))


def _pytensor(args: Sequence[Any], outputs: Sequence[Any], threads: int) -> Compiled:
    from sympy.printing.pytensor import pytensor_function

    def of_dimension(dim: int) -> Any:
        return pytensor_function(
            args, list(outputs), dims=dict.fromkeys(args, dim), dtypes=dict.fromkeys(args, "float64")
        )

    made: dict[int, Any] = {}

    def prepare(values: Values) -> list[Any]:
        values = [np.asarray(v, dtype=float) for v in np.broadcast_arrays(*values)]
        dim = values[0].ndim
        made[dim] = made.get(dim) or of_dimension(dim)
        return [made[dim], *values]

    return Compiled(lambda f, *values: f(*values), prepare, lambda r: [r] if len(outputs) == 1 else list(r))


_COMMON: dict[str, tuple[str, Maker]] = {
    "jax": ("jax", _jax),
    "symengine": ("symengine", _symengine),
    "heyoka": ("heyoka", _heyoka),
    "symjit": ("symjit", _symjit),
    "casadi": ("casadi", _casadi),
    "pytensor": ("pytensor", _pytensor),
}
ARRAYS: dict[str, tuple[str, Maker]] = {
    "symgraph": ("symgraph", _symgraph),
    "lambdify": ("numpy", _lambdify(["scipy", "numpy"], False)),
    "lambdify cse": ("numpy", _lambdify(["scipy", "numpy"], True)),
    "numexpr": ("numexpr", _numexpr),
    "numba": ("numba", _numba),
    **_COMMON,
}
NUMBERS: dict[str, tuple[str, Maker]] = {
    "symgraph": ("symgraph", _symgraph_number),
    "symgraph native": ("symgraph", _symgraph_native),
    "lambdify math": ("math", _lambdify("math", False)),
    "lambdify math cse": ("math", _lambdify("math", True)),
    "numba": ("numba", _numba_number),
    **_COMMON,
}


def chosen(peers: dict[str, tuple[str, Any]], options: Options) -> dict[str, Any]:
    """Those that are installed and wanted."""
    wanted = ("symgraph", *options.peers) if options.peers else ("",)
    return {
        n: maker for n, (module, maker) in peers.items() if n.startswith(wanted) and importlib.util.find_spec(module)
    }
