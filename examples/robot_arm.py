"""Where the tool of a six-joint robot arm is, and its Jacobian, for 10 000 poses in one call.

Some entries of the Jacobian are always 0: the first joint turns about the vertical, so it does not move the tool up or down, and the
last one turns the tool about itself. They come out as 0 for each pose, like every other entry.
"""

import time

import numpy as np
import sympy as sp

import symgraph as sg

# --- the arm: from each joint to the next, (distance along z, distance along x, twist about x), in metres: much like a PUMA 560

ARM = [
    (0.672, 0.0, sp.pi / 2),
    (0.0, 0.4318, 0),
    (0.15, 0.0203, -sp.pi / 2),
    (0.4318, 0.0, sp.pi / 2),
    (0.0, 0.0, -sp.pi / 2),
    (0.2, 0.0, 0),
]
angles = sp.symbols("q1:7")


def joint(angle, along_z, along_x, twist):
    """The frame after a joint, as seen from the frame before it (Denavit and Hartenberg's convention)."""
    s, c, st, ct = sp.sin(angle), sp.cos(angle), sp.sin(twist), sp.cos(twist)
    return sp.Matrix(
        [[c, -s * ct, s * st, along_x * c], [s, c * ct, -c * st, along_x * s], [0, st, ct, along_z], [0, 0, 0, 1]]
    )


tool = sp.eye(4)
for angle, (along_z, along_x, twist) in zip(angles, ARM, strict=True):
    tool = tool * joint(angle, along_z, along_x, twist)
position = tool[:3, 3]
jacobian = position.jacobian(angles)
constant = [(i, j) for i in range(3) for j in range(6) if jacobian[i, j] == 0]

arm = sg.function(angles, {"position": position, "jacobian": jacobian}, name="arm")

# --- 10 000 poses at once: each joint's angle is one array

poses = np.random.default_rng(0).uniform(-np.pi, np.pi, size=(10_000, 6))
before = time.perf_counter()
found = arm(*poses.T)
milliseconds = 1000 * (time.perf_counter() - before)
print(
    f"{len(poses)} poses in {milliseconds:.0f} ms: positions {found['position'].shape}, Jacobians {found['jacobian'].shape}"
)
assert found["position"].shape == (10_000, 3, 1)
assert found["jacobian"].shape == (10_000, 3, 6)

print(f"entries of the Jacobian that are 0 in every pose, as (row, column): {constant}")
assert constant == [(0, 5), (1, 5), (2, 0), (2, 5)]
assert all(not found["jacobian"][:, i, j].any() for i, j in constant)

# --- checked against a loop in plain NumPy, and against finite differences of that loop


def place(pose):
    frame = np.eye(4)
    for angle, (along_z, along_x, twist) in zip(pose, ARM, strict=True):
        s, c, st, ct = np.sin(angle), np.cos(angle), np.sin(float(twist)), np.cos(float(twist))
        frame = frame @ [
            [c, -s * ct, s * st, along_x * c],
            [s, c * ct, -c * st, along_x * s],
            [0, st, ct, along_z],
            [0, 0, 0, 1],
        ]
    return frame[:3, 3]


h = 1e-5
worst_position = worst_jacobian = 0.0
for k in range(0, len(poses), 500):
    worst_position = max(worst_position, np.abs(found["position"][k, :, 0] - place(poses[k])).max())
    for j, step in enumerate(h * np.eye(6)):
        column = (place(poses[k] + step) - place(poses[k] - step)) / (2 * h)
        worst_jacobian = max(worst_jacobian, np.abs(found["jacobian"][k, :, j] - column).max())
print(f"largest difference from NumPy: {worst_position:.1e} m; from finite differences: {worst_jacobian:.1e}")
assert worst_position < 1e-14
assert worst_jacobian < 1e-9
