"""A Kalman filter that learns how noisy its world is: tracks of things that move, seen through a bad radar.

SymPy writes one step of the filter, with matrices. `translate` makes nodes of it again and again, each time bound to the nodes of the step
before, so that the likelihood of whole tracks becomes one graph, with its gradient. All tracks run through it at once, as a batch.
"""

import numpy as np
import sympy as sp
from scipy.optimize import minimize

import symgraph as sg

TRACKS, STEPS, DT = 60, 40, 0.5
TRUE_PUSH, TRUE_BLUR = 0.3, 2.0  # standard deviations of the acceleration, and of what the radar says of the place
rng = np.random.default_rng(1)

# --- the world: place and velocity, pushed about at random

F = np.array([[1, DT], [0, 1]])
push = np.array([DT**2 / 2, DT])
states = np.zeros((STEPS, TRACKS, 2))
states[0] = rng.normal(0, [5, 1], (TRACKS, 2))
for k in range(1, STEPS):
    states[k] = states[k - 1] @ F.T + rng.normal(0, TRUE_PUSH, (TRACKS, 1)) * push
places = states[..., 0]
seen = places + rng.normal(0, TRUE_BLUR, places.shape)

# --- one step of the filter: the state has mean m and covariance P; z is seen; q and r are the variances to be learned

m, P = sp.MatrixSymbol("m", 2, 1), sp.MatrixSymbol("P", 2, 2)
z, q, r = sp.symbols("z q r", positive=True)
H = sp.Matrix([[1, 0]])
Q = q * sp.Matrix([[DT**4 / 4, DT**3 / 2], [DT**3 / 2, DT**2]])

innovation = z - m[0, 0]
variance = P[0, 0] + r
gain = P * H.T / variance
m_seen = m + gain * innovation
P_seen = P - gain * H * P
surprise = (sp.log(2 * sp.pi * variance) + innovation**2 / variance) / 2  # -log of the density of z
step = [surprise, sp.Matrix(F) * m_seen, sp.Matrix(F) * P_seen * sp.Matrix(F).T + Q, m_seen]

# --- the whole filter: STEPS times that step, in one graph

sg.Graph().as_default()
observations = [sg.placeholder(name=f"z{k}") for k in range(STEPS)]  # one number for each track
log_q, log_r = sg.placeholder(shape=(), name="log_q"), sg.placeholder(shape=(), name="log_r")
mean, covariance = sg.constant(np.zeros((2, 1))), sg.constant(np.diag([25.0, 1.0]))
total, filtered = 0, []
for observation in observations:
    bindings = {m: mean, P: covariance, z: observation, q: sg.exp(log_q), r: sg.exp(log_r)}
    surprise_here, mean, covariance, estimate = sg.translate(step, bindings)
    total = total + sg.reduce_sum(surprise_here)
    filtered.append(estimate)

session = sg.Session()
value_and_slope = session.make_callable([total, *sg.gradients(total, [log_q, log_r])], [log_q, log_r, *observations])


def objective(p):
    """-log of the likelihood of all tracks, and its gradient, in the form that SciPy wants."""
    value, *slope = value_and_slope(*p, *seen)
    return value, np.array(slope)


# --- learning: from a wrong guess to the noise that makes what was seen most likely

start = np.log([1.0, 1.0])
slope = objective(start)[1]
for i, h in enumerate(1e-5 * np.eye(2)):
    assert np.isclose(slope[i], (objective(start + h)[0] - objective(start - h)[0]) / 2e-5, rtol=1e-6)

history = []
found = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-4}, callback=history.append)
push_found, blur_found = np.exp(found.x / 2)
errors = np.sqrt(np.diag(found.hess_inv)) / 2  # relative ones: of the logarithm of a standard deviation
print(f"{len(session.graph.operations)} operations in the graph; {found.nit} steps, {found.nfev} evaluations")
print(f"acceleration {push_found:.3f} +- {push_found * errors[0]:.3f}  (true {TRUE_PUSH})")
print(f"radar        {blur_found:.3f} +- {blur_found * errors[1]:.3f}  (true {TRUE_BLUR})")
assert abs(np.log(push_found / TRUE_PUSH)) < 0.15
assert abs(np.log(blur_found / TRUE_BLUR)) < 0.05
assert found.fun <= objective(2 * np.log([TRUE_PUSH, TRUE_BLUR]))[0]

# --- what it is good for: places, from what was seen so far

feeds = {log_q: found.x[0], log_r: found.x[1], **dict(zip(observations, seen, strict=True))}
means = np.array(session.run(filtered, feeds))[..., 0, 0]
raw, after = np.sqrt(np.mean((seen - places)[10:] ** 2)), np.sqrt(np.mean((means - places)[10:] ** 2))
print(f"error of the radar {raw:.2f}, of the filter {after:.2f}")
assert after < 0.6 * raw
