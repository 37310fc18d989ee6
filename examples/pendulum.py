"""A pendulum of five links on a cart: SymPy derives the equations of motion, symgraph computes them, SciPy integrates them.

Nothing rubs here, so the total energy stays what it was at the start, to what the solver's tolerance allows.
"""

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp
from sympy.physics.mechanics import dynamicsymbols
from sympy.physics.mechanics.models import n_link_pendulum_on_cart

import symgraph as sg

LINKS = 5
t = dynamicsymbols._t

# --- the equations of motion: mass_matrix * u' = forcing, with q the cart's place and the links' angles, and u = q'

kane = n_link_pendulum_on_cart(LINKS, cart_force=False)
q, u = list(kane.q), list(kane.u)  # functions of time, such as q0(t)
masses, lengths, g = sp.symbols(f"m:{LINKS + 1}"), sp.symbols(f"l:{LINKS}"), sp.Symbol("g")
values = {g: 9.81, **dict.fromkeys(masses, 0.1), **dict.fromkeys(lengths, 0.2), masses[0]: 1.0}

motion = sg.function([*q, *u], [kane.mass_matrix.subs(values), kane.forcing.subs(values)], name="motion")

# --- the energy, from the places of the cart and of the weights at the ends of the links

x = [q[0] - sum(l * sp.sin(a) for l, a in zip(lengths[:k], q[1:], strict=False)) for k in range(LINKS + 1)]
y = [sum(l * sp.cos(a) for l, a in zip(lengths[:k], q[1:], strict=False)) for k in range(LINKS + 1)]
kinetic = sum(m * (a.diff(t) ** 2 + sp.diff(b, t) ** 2) / 2 for m, a, b in zip(masses, x, y, strict=True))
potential = sum(m * g * b for m, b in zip(masses, y, strict=True))
energy = sg.function(
    [*q, *u], (kinetic + potential).subs(dict(zip([a.diff(t) for a in q], u, strict=True))).subs(values)
)


def rate(_, state):
    """The time derivative of (q, u), for one state."""
    mass_matrix, forcing = motion(*state)
    return np.concatenate([state[LINKS + 1 :], np.linalg.solve(mass_matrix, forcing)[:, 0]])


# --- a simulation: from rest, all links leaning to one side, they fall and swing

start = np.zeros(2 * (LINKS + 1))
start[1 : LINKS + 1] = np.pi / 2
tolerance = 1e-9
path = solve_ivp(rate, (0, 2), start, method="DOP853", rtol=tolerance, atol=tolerance)
assert path.success, path.message

# --- all states that the solver went through, in one call: each row of path.y is one argument for all times

energies = energy(*path.y)
drift = np.max(np.abs(energies - energies[0]))
swing = np.ptp(sg.function([*q, *u], potential.subs(values))(*path.y))
print(f"{path.t.size} steps, {path.nfev} evaluations of the equations of motion")
print(f"potential energy varies by {swing:.3f} J, the total energy by {drift:.1e} J")
assert swing > 1
assert drift < 10 * tolerance * swing

mass_matrices, forcings = motion(*path.y)
print(f"on a batch of {path.t.size} states: mass matrices {mass_matrices.shape}, forcings {forcings.shape}")
assert mass_matrices.shape == (path.t.size, LINKS + 1, LINKS + 1)
one_by_one = [motion(*state)[0] for state in path.y.T]
assert np.allclose(mass_matrices, one_by_one, rtol=1e-14)
