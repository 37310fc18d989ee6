"""Hares and lynxes: the parameters of a differential equation, from twenty-one years of furs.

The Hudson's Bay Company counted pelts (thousands a year, 1900 to 1920; Elton and Nicholson, J. Animal Ecology 11, 1942). Lotka and Volterra's
equations say how prey and predators make each other come and go. `ode` gives SciPy the equations and their derivatives; the derivatives of
the solution with respect to the parameters obey an equation of their own, which is solved beside them.
"""

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import symgraph as sg

years = np.arange(1900, 1921)
hares = [
    30,
    47.2,
    70.2,
    77.4,
    36.3,
    20.6,
    18.1,
    21.4,
    22,
    25.4,
    27.1,
    40.3,
    57,
    76.6,
    52.3,
    19.5,
    11.2,
    7.6,
    14.6,
    16.2,
    24.7,
]
lynxes = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
counted = np.log([hares, lynxes])

# --- the equations, in SymPy

t = sp.Symbol("t")
h, l = sp.Function("h")(t), sp.Function("l")(t)  # hares and lynxes
alpha, beta, gamma, delta = rates = sp.symbols("alpha beta gamma delta", positive=True)
world = sg.ode(
    [sp.Eq(h.diff(t), alpha * h - beta * h * l), sp.Eq(l.diff(t), delta * h * l - gamma * l)], t, [h, l], rates
)


def with_sensitivities(time, z, *values):
    """d/dt of the state y and of S, its derivatives with respect to the four rates and the two values at the start."""
    y, S = z[:2], z[2:].reshape(2, 6)
    pushed = np.hstack([world.jac_params(time, y, *values), np.zeros((2, 2))])
    return np.concatenate([world.fun(time, y, *values), (world.jac(time, y, *values) @ S + pushed).ravel()])


def solution(p):
    """Log of hares and lynxes in all years, (2, 21), and its derivatives with respect to p = log of (rates, values at the start), (2, 21, 6)."""
    values = np.exp(p)
    start = np.concatenate([values[4:], np.hstack([np.zeros((2, 4)), np.eye(2)]).ravel()])
    path = solve_ivp(
        with_sensitivities, (1900, 1920), start, "DOP853", years, args=tuple(values[:4]), rtol=1e-9, atol=1e-9
    )
    assert path.success, path.message
    y, S = path.y[:2], path.y[2:].reshape(2, 6, years.size)
    return np.log(y), np.moveaxis(S / y[:, None], 1, -1) * values


def residuals(p):
    return (solution(p)[0] - counted).ravel()


def jacobian(p):
    return solution(p)[1].reshape(-1, 6)


start = np.log([0.5, 0.02, 1.0, 0.02, 30, 4])
one_sided = [(residuals(start + h) - residuals(start - h)) / 2e-5 for h in 1e-5 * np.eye(6)]
assert np.allclose(jacobian(start), np.transpose(one_sided), rtol=1e-4, atol=1e-5)

found = least_squares(residuals, start, jac=jacobian, x_scale="jac")
assert found.success, found.message
spread = np.sqrt(2 * found.cost / (counted.size - 6))
errors = spread * np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
print(f"{found.nfev} solutions; counts differ from the curve by a factor of {np.exp(spread):.2f}, typically")
for name, value, error in zip(
    ["alpha", "beta", "gamma", "delta", "hares 1900", "lynxes 1900"], found.x, errors, strict=True
):
    print(f"{name:>11} {np.exp(value):8.4f} +- {np.exp(value) * error:.4f}")

# what others found by Monte Carlo (B. Carpenter, "Predator-Prey Population Dynamics", Stan case study, 2018)
assert np.allclose(np.exp(found.x), [0.55, 0.028, 0.80, 0.024, 34, 5.9], rtol=0.05)

# --- a stiff solver takes the Jacobian of the state itself

stiff = solve_ivp(
    world.fun,
    (1900, 1920),
    np.exp(found.x[4:]),
    "Radau",
    years,
    jac=world.jac,
    vectorized=True,
    args=tuple(np.exp(found.x[:4])),
    rtol=1e-7,
)
assert np.allclose(np.log(stiff.y), solution(found.x)[0], atol=1e-3)
