"""``import symgraph`` is quick and leaves the process as it was: read in a fresh process."""

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

ONLY_WHEN_USED = {"scipy", "llvmlite", "jax", "dask", "matplotlib", "torch", "cupy", "onnx", "pandas", "IPython"}

# numpy and sympy first: what they do to the process is theirs. -W error: the import itself warns of nothing.
PROBE = """
import json, sys, threading, warnings
import mpmath, numpy, sympy

def state():
    return {
        "warnings filters": list(map(str, warnings.filters)),
        "numpy.geterr": numpy.geterr(),
        "numpy.get_printoptions": str(numpy.get_printoptions()),
        "mpmath.mp.dps": mpmath.mp.dps,
        "recursion limit": sys.getrecursionlimit(),
        "threads": threading.active_count(),
    }

before = state()
import symgraph
print(json.dumps({"before": before, "after": state(), "modules": sorted({m.split(".")[0] for m in sys.modules})}))
"""


@pytest.fixture(scope="module")
def probe():
    command = [sys.executable, "-W", "error", "-c", PROBE]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_heavy_packages_wait_until_used(probe):
    assert ONLY_WHEN_USED & set(probe["modules"]) == set()


def test_process_is_left_as_it_was(probe):
    assert probe["after"] == probe["before"]


def test_types_are_shipped():
    assert files("symgraph").joinpath("py.typed").is_file()
