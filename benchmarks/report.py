"""The table and the plot."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .measure import Row

__all__ = ["headline", "markdown", "plot"]

_PACKAGES = ["symgraph", "numpy", "sympy", "scipy", "llvmlite"]
_PACKAGES += ["numexpr", "numba", "jax", "symengine", "heyoka", "symjit", "casadi", "pytensor"]
_NOT_PEERS = ("symgraph", "copy", "SymPy")


def headline() -> str:
    """Machine, versions, date."""
    installed = []
    for name in _PACKAGES:
        try:
            installed.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    load = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return (
        f"{_processor()}, {os.cpu_count()} cores{load}; {platform.system()} {platform.release()}, {platform.libc_ver()[0]} "
        f"{platform.libc_ver()[1]}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}\n\n{', '.join(installed)}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.2g} ns"


def markdown(rows: Sequence[Row]) -> str:
    """All tables, one for each section, and what could not be timed."""
    parts = []
    for section in dict.fromkeys(row.section for row in rows):
        of_section = [row for row in rows if row.section == section]
        parts += [f"## {section}", "", *_table(of_section), ""]
        notes = {(row.peer, row.note): row.case for row in of_section if row.note}
        parts += [f"- {peer}, {case}: {note}" for (peer, note), case in notes.items()]
        parts += [""] if notes else []
    return "\n".join(parts)


def _table(rows: Sequence[Row]) -> list[str]:
    timed: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.median is not None:
            timed.setdefault(row.case, {})[row.peer] = row
    peers = list(dict.fromkeys(peer for cells in timed.values() for peer in cells))
    lines = [f"| | {' | '.join(peers)} | best peer / symgraph |", "|" + "---|" * (len(peers) + 2)]
    for case, cells in timed.items():
        own = cells.get("symgraph")
        best = min((r.median or 0.0 for p, r in cells.items() if not p.startswith(_NOT_PEERS)), default=None)
        ratio = f"{best / own.median:.2f}" if own and own.median and best is not None else ""
        lines.append(f"| {case} | {' | '.join(_cell(cells.get(p), own) for p in peers)} | {ratio} |")
    return lines


def _cell(row: Row | None, own: Row | None) -> str:
    if row is None or row.median is None:
        return "-"
    text = _time(row.median)
    if row.minimum is not None and row.minimum < row.median:
        text += f" ({_time(row.minimum)})"
    if own is not None and own.median and row is not own:
        text += f" {row.median / own.median:.3g}x"
    return text


def plot(rows: Sequence[Row], path: Path) -> bool:
    """Bars for arrays and calls, lines for the growth of compile time; False where there is no matplotlib."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return False
    sections = list(dict.fromkeys(row.section for row in rows))
    panels = [s for s in sections if s.startswith(("Arrays", "Calls", "Pendulum of 5", "Growth"))]
    if not panels:
        return False
    figure, axes = pyplot.subplots(-(-len(panels) // 2), 2, figsize=(13, 4.2 * -(-len(panels) // 2)), squeeze=False)
    peers = list(dict.fromkeys(row.peer for row in rows))
    colours = {peer: pyplot.get_cmap("tab20")(i % 20) for i, peer in enumerate(peers)}
    for axis, section in zip(axes.flat, panels, strict=False):
        found = [row for row in rows if row.section == section and row.median is not None]
        if section.startswith("Arrays"):  # of one length: the second, if there are two
            lengths = list(dict.fromkeys(row.case.split(", ")[1] for row in found))
            found = [row for row in found if row.case.endswith(f", {lengths[min(1, len(lengths) - 1)]}")]
        (_lines if section.startswith("Growth") else _bars)(axis, found, colours)
        axis.set(title=section, ylabel="seconds", yscale="log")
        axis.legend(fontsize=6, ncols=2)
    for axis in list(axes.flat)[len(panels) :]:
        axis.remove()
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
    return True


def _lines(axis: Any, rows: Sequence[Row], colours: dict[str, Any]) -> None:
    for peer in dict.fromkeys(row.peer for row in rows):
        points = [(10 ** int(r.case.split("^")[1].split()[0]), r.median) for r in rows if r.peer == peer]
        axis.plot(*zip(*points, strict=True), marker="o", label=peer, color=colours[peer])
    axis.set(xscale="log", xlabel="operations")


def _bars(axis: Any, rows: Sequence[Row], colours: dict[str, Any]) -> None:
    cases, peers = list(dict.fromkeys(r.case for r in rows)), list(dict.fromkeys(r.peer for r in rows))
    width = 0.9 / len(peers)
    for place, peer in enumerate(peers):
        times = {r.case: r.median for r in rows if r.peer == peer}
        spots = [i + (place + 0.5) * width - 0.45 for i, case in enumerate(cases) if case in times]
        axis.bar(spots, list(times.values()), width, label=peer, color=colours[peer])
    axis.set_xticks(range(len(cases)), cases, fontsize=7)
