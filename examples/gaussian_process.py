"""A Gaussian process learns the length, the height and the noise of its own curve: by the likelihood of what was measured.

The likelihood is written with matrices of symbolic size. SymPy could not differentiate it (there is a determinant and an inverse in
it); `objective` gives SciPy its value, its gradient and its Hessian, all exact.
"""

import numpy as np
import sympy as sp
from scipy.optimize import check_grad, minimize

import symgraph as sg

rng = np.random.default_rng(3)

# --- measurements of a curve

x = np.sort(rng.uniform(0, 10, 80))
curve = np.sin(x) + 0.3 * x - 1.5
TRUE_NOISE = 0.2
y = curve + rng.normal(0, TRUE_NOISE, x.shape)

# --- the likelihood, in SymPy: D holds the squared distances between the places of measurement

n = sp.Symbol("n", integer=True, positive=True)
D, Y = sp.MatrixSymbol("D", n, n), sp.MatrixSymbol("Y", n, 1)
d = sp.Symbol("d")
logs = length, height, noise = sp.symbols("length height noise", real=True)  # logarithms

kernel = D.applyfunc(sp.Lambda(d, sp.exp(2 * height - d * sp.exp(-2 * length) / 2)))
K = kernel + sp.exp(2 * noise) * sp.Identity(n)
minus_log_likelihood = (sp.Trace(Y.T * K.I * Y) + sp.log(sp.Determinant(K)) + n * sp.log(2 * sp.pi)) / 2

process = sg.objective(minus_log_likelihood, logs, params=[D, Y])
args = (np.subtract.outer(x, x) ** 2, y)

# --- beside NumPy by hand

start = np.log([1.0, 1.0, 0.5])
by_hand = np.exp(2 * start[1] - args[0] * np.exp(-2 * start[0]) / 2) + np.exp(2 * start[2]) * np.eye(x.size)
expected = (y @ np.linalg.solve(by_hand, y) + np.linalg.slogdet(by_hand)[1] + x.size * np.log(2 * np.pi)) / 2
assert np.isclose(process.fun(start, *args), expected, rtol=1e-12)
assert check_grad(process.fun, process.jac, start, *args) < 1e-4

# --- learning

history = sg.History()
found = minimize(process.fun, start, args, jac=process.jac, hess=process.hess, method="trust-exact", callback=history)
assert found.success, found.message
errors = np.sqrt(np.diag(np.linalg.inv(process.hess(found.x, *args))))
for name, value, error in zip(("length", "height", "noise"), np.exp(found.x), errors, strict=True):
    print(f"{name:>6} {value:.3f} +- {error * value:.3f}")
print(
    f"-log likelihood {expected:.2f} -> {found.fun:.2f} in {found.nit} steps; the slope there is {np.abs(found.jac).max():.1e}"
)
assert abs(found.x[2] - np.log(TRUE_NOISE)) < 3 * errors[2]
assert np.all(np.linalg.eigvalsh(found.hess) > 0)

# --- reading the curve between the measurements: what is expected there, and how sure that is

m = sp.Symbol("m", integer=True, positive=True)
between = sp.MatrixSymbol("between", m, n)  # squared distances from m other places to those of the measurements
nearness = between.applyfunc(kernel.function)
predict = sg.function([between, D, Y, *logs], [nearness * K.I * Y, nearness * K.I * nearness.T])

places = np.linspace(0.5, 9.5, 19)
guess, explained = predict(np.subtract.outer(places, x) ** 2, *args, *found.x)
spread = np.sqrt(np.exp(2 * found.x[1]) - np.diag(explained))
error = guess[:, 0] - (np.sin(places) + 0.3 * places - 1.5)
print(f"between the measurements: errors {np.sqrt(np.mean(error**2)):.3f}, and {np.mean(spread):.3f} expected")
assert np.sqrt(np.mean(error**2)) < TRUE_NOISE / 2
assert np.mean(np.abs(error) < 3 * spread) > 0.9
