"""What every test and every doctest starts from, wherever pytest is told to look: an empty default graph."""

import sys

import pytest


def reset_default_graph() -> None:
    """Empty the default graph, where a test has imported symgraph at all."""
    getattr(sys.modules.get("symgraph"), "reset_default_graph", lambda: None)()


@pytest.fixture(autouse=True)
def fresh_default_graph():
    reset_default_graph()
    yield
    reset_default_graph()
