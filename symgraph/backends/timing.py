"""Where the time of a run goes: a backend notes it, if someone asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Times", "recorded", "times"]

Times = dict[str, float]  # for each part of the work, by a name that users understand, the seconds

times: ContextVar[Times | None] = ContextVar("times of a run", default=None)
"""Where the runs of this thread are to note their times; None almost always."""


@contextmanager
def recorded() -> Iterator[Times]:
    """Note the times of all runs inside.

    >>> with recorded() as seconds:
    ...     times.get()["add v0, v1"] = 0.5
    >>> seconds
    {'add v0, v1': 0.5}
    """
    seconds: Times = {}
    token = times.set(seconds)
    try:
        yield seconds
    finally:
        times.reset(token)
