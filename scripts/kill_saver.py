"""Kill a process that saves checkpoints, again and again, and look whether the last good one is always there.

    python scripts/kill_saver.py 1000

Each process restores the newest checkpoint, then saves new ones without a pause and tells of each, until it is killed (SIGKILL) at a random
moment. Then the newest checkpoint must be whole, and not older than the last one that was told of. Needs os.fork.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import numpy as np

import symgraph as sg

SIZE = 20_000  # entries, so that writing takes a good part of the time


def build() -> tuple[sg.Variable, sg.Variable]:
    """The variables: an array that is full of the number of the save, and that number."""
    sg.reset_default_graph()
    return sg.Variable(np.zeros(SIZE), name="w"), sg.Variable(0, name="count")


def save_for_ever(folder: Path, tell: int) -> NoReturn:
    """What a process does until it is killed."""
    w, count = build()
    session, saver = sg.Session(), sg.train.Saver(max_to_keep=2)
    n = newest(folder)
    while True:
        n += 1
        session.load({w: np.full(SIZE, float(n)), count: n})
        saver.save(session, folder / "model", global_step=None if n % 2 else n % 10)
        os.write(tell, b"%d\n" % n)


def newest(folder: Path) -> int:
    """The number in the newest checkpoint, which must be whole; 0 where there is none."""
    path = sg.train.latest_checkpoint(folder)
    if path is None:
        return 0
    w, count = build()
    session = sg.Session()
    sg.train.Saver().restore(session, path)
    values, number = session.run([w, count])
    assert np.all(values == number), f"{path} has values of different saves"
    return int(number)


def killed_once(folder: Path, delay: float, last: int) -> int:
    """Start a process, kill it `delay` seconds after its first save, and return the number in the newest checkpoint."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        save_for_ever(folder, write)
    os.close(write)
    with open(read, "rb") as told:
        first = told.readline()
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        numbers = [int(line) for line in [first, *told.readlines()] if line.endswith(b"\n")]
    found = newest(folder)
    assert found >= max([last, *numbers]), f"{found} is older than {max([last, *numbers])}"
    return found


def main(kills: int) -> None:
    interrupted = 0
    last = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(kills):
            last = killed_once(folder, random.uniform(0, 0.02), last)
            interrupted += any(folder.glob(".*.tmp"))
        files = sum(1 for _ in folder.iterdir())
    print(f"{kills} kills, {interrupted} in the middle of a file, {last} saves, {files} files left, nothing lost")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
