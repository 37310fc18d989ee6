"""Every example runs in an empty folder, warns of nothing, and needs no matplotlib; then it leaves no file behind.

``.ci/run`` runs them a second time, with matplotlib, and looks for the pictures.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
WITHOUT_MATPLOTLIB = (
    "import runpy, sys; sys.modules['matplotlib'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
)


def run(example: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_MATPLOTLIB, str(example)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=300)


def test_there_are_examples():
    assert "affine" in {example.stem for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_example(example, tmp_path):
    done = run(example, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it prints nothing"
    assert list(tmp_path.iterdir()) == []


def test_the_tutorial_prints_its_line(tmp_path):
    assert run(EXAMPLES[0].with_name("affine.py"), tmp_path).stdout.startswith("[ 2 -1]\n")
