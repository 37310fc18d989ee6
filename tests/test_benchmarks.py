"""The benchmarks run, at tiny sizes and beside lambdify alone, and notice wrong results."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks import measure, peers, report, sections, workloads  # noqa: E402

sys.path.remove(str(ROOT))

TINY = measure.Options(level=0, threads=1, peers=("lambdify", "numpy"))
x, y = sp.symbols("x y")


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_sections_have_right_results_from_all(section, tmp_path):
    rows = sections.SECTIONS[section](TINY)
    assert [f"{row.peer}, {row.case}: {row.note}" for row in rows if row.note] == []
    assert {"symgraph"} < {row.peer for row in rows}
    assert all(0 < row.minimum <= row.median for row in rows)
    lines = report.markdown(rows).splitlines()
    assert sum(line.startswith("| ") for line in lines) >= len({(row.section, row.case) for row in rows})
    assert len({line.count("|") for line in lines if line.startswith("|")}) == len({row.section for row in rows}) == 1


def test_of_operations_has_about_as_many():
    for count in (10, 50, 1000):
        assert 0.7 * count <= workloads.of_operations(count, [x, y]).count_ops() <= 1.1 * count


def test_exact_is_what_sympy_says():
    expr = sp.sqrt(2) * sp.exp(-x) + sp.erfc(y / 3) ** sp.Rational(2, 3) + sp.Float(0.1) * sp.pi
    (found,) = measure.exact([x, y], [expr], [0.7, 1.3])
    assert abs(found - expr.evalf(30, subs={x: sp.Float(0.7), y: sp.Float(1.3)})) < 1e-15


def test_wrong_results_are_noticed():
    values = [np.linspace(1, 2, 5), 3.0]
    right = peers.ARRAYS["lambdify"][1]([x, y], [x * y, x - y], 1)
    assert measure.check(right, [x, y], [x * y, x - y], values) == ""
    assert measure.check(right, [x, y], [x * y, x - 1.0000001 * y], values).startswith("wrong: off by")
    assert measure.check(right, [x, y], [x * y], values) == "wrong: 2 results for 1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_gives_its_rows_or_says_what_came_between():
    row = measure.Row("section", "case", "peer")
    assert measure.in_child(lambda: [row, row], row, limit=20) == [row, row]
    assert measure.in_child(lambda: 1 / 0, row, limit=20)[-1].note.startswith("ZeroDivisionError")
    assert measure.in_child(lambda: os._exit(3), row, limit=20)[0].note == "the process died"
    assert measure.in_child(threading.Event().wait, row, limit=0.05)[0].note == "over 0.05 s"


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        measure.Row("Arrays, one thread", f"poly, {n}", p, 1e-3, 1e-3)
        for n in (10, 100)
        for p in ("symgraph", "lambdify")
    ]
    rows += [measure.Row("Growth of compile time", f"10^{n} operations", "symgraph", 10.0**n, 1.0) for n in (1, 2)]
    assert report.plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000
    assert not report.plot([], tmp_path / "none.png")
