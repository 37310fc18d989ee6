"""What every test starts from: a hypothesis profile, and an empty default graph (doctests of symgraph/ included)."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

COMMON = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

# In CI the same examples each time: a red run is this change's doing. Elsewhere, and nightly, new ones.
settings.register_profile("default", COMMON, max_examples=60, derandomize=bool(os.environ.get("CI")))
settings.register_profile("nightly", COMMON, max_examples=int(os.environ.get("HYPOTHESIS_MAX", "2000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def reset_default_graph() -> None:
    """Empty the default graph, where a test has imported symgraph at all."""
    getattr(sys.modules.get("symgraph"), "reset_default_graph", lambda: None)()


class FreshGraph:
    """A plugin, since a fixture of this file itself would not reach the doctests under symgraph/."""

    @pytest.fixture(autouse=True)
    def fresh_default_graph(self):
        reset_default_graph()
        yield
        reset_default_graph()


def pytest_configure(config):
    config.pluginmanager.register(FreshGraph(), "symgraph-fresh-graph")
