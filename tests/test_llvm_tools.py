"""Around the native backend: the cache of machine code, looking inside, calls from C, and the options of Functions."""

import ctypes
import gc
import os
import pickle
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symgraph as sg
from symgraph.errors import FeedError, FeedTypeError, NoMachineCodeError, ShapeError

pytest.importorskip("llvmlite")

from symgraph.backends.llvm import cache as cache_module
from symgraph.backends.llvm import engine
from symgraph.backends.llvm.cache import Cache

x, y, z = sp.symbols("x y z")
BACKENDS = ["numpy", "llvm"]


def never():
    raise AssertionError("made again")


# --- the cache


def test_the_same_text_is_compiled_once(tmp_path):
    cache = Cache(tmp_path / "deep" / "folder")
    assert cache.get("text", "machine", lambda: b"code") == b"code"
    assert Cache(cache.folder).get("text", "machine", never) == b"code"
    assert cache.get("text", "other", lambda: b"1") == b"1"
    assert cache.get("texu", "machine", lambda: b"2") == b"2"
    assert [cache.get(*key, never) for key in [("text", "other"), ("texu", "machine")]] == [b"1", b"2"]


def test_versions_are_part_of_the_key(tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    cache.get("text", "machine", lambda: b"old")
    monkeypatch.setattr(cache_module, "_versions", lambda: b"another version")
    assert cache.get("text", "machine", lambda: b"new") == b"new"


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[:10], lambda d: b"", lambda d: d[:-2] + b"!" + d[-1:]]
)
def test_a_damaged_file_is_a_miss(tmp_path, damage):
    cache = Cache(tmp_path)
    cache.get("text", "machine", lambda: b"the code")
    (file,) = tmp_path.iterdir()
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    with pytest.raises(AssertionError, match="made again"):
        cache.get("text", "machine", never)
    assert not file.exists()
    assert cache.get("text", "machine", lambda: b"the code") == b"the code"
    assert file.read_bytes() == sound


def test_the_oldest_go_first(tmp_path):
    cache = Cache(tmp_path, limit=4000)
    for k in range(5):
        cache.get(f"text {k}", "machine", lambda: b"x" * 700)
        for file in tmp_path.iterdir():  # a minute passes
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 60))
    cache.get("text 0", "machine", never)  # used just now
    cache.get("text 5", "machine", lambda: b"x" * 700)
    made = []
    for k in range(6):
        Cache(tmp_path, limit=10**6).get(f"text {k}", "machine", lambda k=k: made.append(k) or b"")
    assert made == [1]


def test_code_beyond_the_limit_is_not_kept(tmp_path):
    cache = Cache(tmp_path, limit=100)
    assert cache.get("text", "machine", lambda: b"x" * 200) == b"x" * 200
    assert list(tmp_path.iterdir()) == []


def test_other_files_stay(tmp_path):
    other, started, forgotten = tmp_path / "thesis.tex", tmp_path / f"{'0' * 64}.a.new", tmp_path / f"{'1' * 64}.b.new"
    for file in (other, started, forgotten):
        file.write_bytes(b"x" * 1000)
    for file in (other, forgotten):
        os.utime(file, (0, 0))
    Cache(tmp_path, limit=10).trim()
    assert sorted(tmp_path.iterdir()) == sorted([other, started])


def test_no_folder_is_no_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    cache = Cache(file / "folder")
    assert cache.get("text", "machine", lambda: b"code") == b"code"
    cache.trim()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have owners and modes on POSIX")
def test_what_others_may_have_written_is_not_run(tmp_path):
    cache = Cache(tmp_path)
    cache.get("text", "machine", lambda: b"code")
    (file,) = tmp_path.iterdir()
    file.chmod(0o666)
    assert cache.get("text", "machine", lambda: b"my own") == b"my own"
    assert file.stat().st_mode & 0o077 == 0


def test_many_writers(tmp_path):
    cache, barrier, wrong = Cache(tmp_path, limit=20_000), threading.Barrier(8), []

    def work(own):
        barrier.wait()
        for k in range(60):
            text = f"text {k % 15}"
            code = cache.get(text, "machine", lambda text=text: text.encode() * 200)
            if code != text.encode() * 200:
                wrong.append((own, k))

    threads = [threading.Thread(target=work, args=(own,)) for own in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    cache.trim()
    assert 0 < sum(file.stat().st_size for file in tmp_path.iterdir()) <= 20_000
    assert {file.suffix for file in tmp_path.iterdir()} == {".object"}


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {"SYMGRAPH_CACHE": "/somewhere"}, "/somewhere"),
        ("linux", {}, "/home/me/.cache/symgraph"),
        ("linux", {"XDG_CACHE_HOME": "/caches"}, "/caches/symgraph"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/symgraph"),
        ("darwin", {}, "/home/me/Library/Caches/symgraph"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/symgraph/cache"),
    ],
)
def test_folders(monkeypatch, platform, environment, folder):
    for name in ("SYMGRAPH_CACHE", "SYMGRAPH_CACHE_SIZE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    cache_module._cache.cache_clear()
    made = cache_module.cache()
    cache_module._cache.cache_clear()
    assert (made.folder, made.limit) == (Path(folder), 256 << 20)


def test_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMGRAPH_CACHE", "0")
    assert cache_module.cache() is None
    monkeypatch.setenv("SYMGRAPH_CACHE", str(tmp_path))
    monkeypatch.setenv("SYMGRAPH_CACHE_SIZE", "0.5")
    assert cache_module.cache().limit == 1 << 19
    monkeypatch.setenv("SYMGRAPH_CACHE_SIZE", "much")
    with pytest.warns(RuntimeWarning, match="SYMGRAPH_CACHE_SIZE"):
        assert cache_module.cache().limit == 256 << 20


FORMULAS = """
import numpy as np, sympy as sp, symgraph as sg
x, y = sp.symbols("x y")
f = sg.function((x, y), [x*y + sp.sin(x), sp.Matrix([[x, y], [y, x*y]]), sp.exp(-x*y)], backend="llvm")
array, number = f(np.arange(3.0), 2.0), f(1.0, 2.0)
"""


def test_processes_share_code(monkeypatch, tmp_path):
    """Two processes at once write the same files; what they wrote is right, and all that a third one needs."""
    environment = {**os.environ, "SYMGRAPH_CACHE": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", FORMULAS], env={**environment, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    assert [process.wait() for process in started] == [0, 0]
    files = sorted(tmp_path.iterdir())
    assert files and all(file.suffix == ".object" for file in files)
    monkeypatch.setenv("SYMGRAPH_CACHE", str(tmp_path))
    monkeypatch.setattr(engine.Host, "to_object", lambda self, text, level: never())
    f = sg.function((x, y), [x * y + sp.sin(x), sp.Matrix([[x, y], [y, x * y]]), sp.exp(-x * y)], backend="llvm")
    array, number = f(np.arange(3.0), 2.0), f(1.0, 2.0)
    assert sorted(tmp_path.iterdir()) == files
    np.testing.assert_array_equal(array[1][:, 1], [[2.0, 0.0], [2.0, 2.0], [2.0, 4.0]])
    assert [number[0], number[2]] == pytest.approx([2 + np.sin(1), np.exp(-2)], rel=1e-15)


def test_without_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMGRAPH_CACHE", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert sg.function(x, x**2 + 0.625, backend="llvm")(2.0) == 4.625
    assert list(tmp_path.iterdir()) == []


# --- looking inside


def test_source():
    f = sg.function((x, y), [sp.exp(sp.sin(x)), sp.sin(x), 2], name="wave")
    assert f.source.splitlines() == ["wave(x, y):", "    v3 = sin(x)", "    v4 = exp(v3)", "    return v4, v3, 2.0"]


def test_source_tells_names_apart():
    """A symbol that is called as a step is gets the number of its place."""
    source = sg.function(sp.Symbol("v1"), sp.sin(sp.Symbol("v1"))).source
    assert source.splitlines() == ["f(v1):", "    v1 = sin(v1[v0])", "    return v1"]


def test_machine_code_can_be_read():
    f = sg.function((x, y), [x * y + 1, sp.zeta(x) * y], backend="llvm")
    assert "define void @kernel" in f.llvm()
    assert "llvm.fma" in f.llvm()
    assert "llvm.fma" not in sg.function((x, y), x * y + 1, backend="llvm", contract=False).llvm()
    assert "kernel:" in f.asm()


def test_no_machine_code_elsewhere():
    f = sg.function(x, x**2, backend="numpy")
    for look in (f.llvm, f.asm, f.low_level, lambda: f.address):
        with pytest.raises(NoMachineCodeError, match="backend='llvm'"):
            look()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("value", [2.0, np.linspace(0, 1, 50_000)], ids=["number", "array"])
def test_profile(backend, value):
    f = sg.function((x, y), sp.zeta(x + 2) * y + sp.sin(y), backend=backend)
    profile = f.profile(value, y=1.0)
    numbers = [line.split(" = ")[0].strip() for line in f.source.splitlines() if "zeta" in line]
    assert f"zeta to {numbers[0]}" in profile.seconds
    assert len(profile.seconds) > 1
    assert all(seconds > 0 for seconds in profile.seconds.values())
    assert sum(profile.seconds.values()) < profile.total
    assert str(profile).splitlines()[-1].split()[:2] == ["the", "call"]


# --- calls from C


def function_of_two(f):
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)(f.address)


def test_address_takes_arguments_in_their_order():
    for arguments in ((x, y), (y, x)):
        f = sg.function(arguments, x - 2 * y, backend="llvm")
        given = {x: 7.0, y: 3.0}
        assert function_of_two(f)(*[given[a] for a in arguments]) == 1.0


@pytest.mark.parametrize(("expression", "integral"), [(sp.exp(-x), 1 - np.exp(-1)), (x, 0.5), (sp.Integer(2), 2.0)])
def test_quad(expression, integral):
    from scipy.integrate import quad

    low_level = sg.function(x, expression, backend="llvm").low_level()
    gc.collect()
    assert low_level.signature == "double (double)"
    assert quad(low_level, 0, 1)[0] == pytest.approx(integral, rel=1e-14)


def test_quad_with_arguments_and_nquad():
    from scipy.integrate import nquad, quad

    low_level = sg.function((x, y), x * sp.exp(-y * x), backend="llvm").low_level()
    assert quad(low_level, 0, 1, args=(2.0,))[0] == pytest.approx((1 - 3 * np.exp(-2)) / 4, rel=1e-14)
    assert nquad(low_level, [(0, 1), (0, 1)])[0] == pytest.approx(np.exp(-1), rel=1e-12)


def test_quad_of_a_gradient():
    from scipy.integrate import quad

    slope = sg.function((x, y), sp.sin(x * y), backend="llvm").grad(x)
    assert quad(slope.low_level(), 0, 1, args=(2.0,))[0] == pytest.approx(np.sin(2), rel=1e-14)


def test_image_filter():
    from scipy import ndimage

    low_level = sg.function((x, y, z), (x + 2 * y + z) / 4, backend="llvm").low_level(
        "int (double *, intptr_t, double *, void *)"
    )
    image = np.random.default_rng(1).random((5, 7))
    found = ndimage.generic_filter(image, low_level, (1, 3))
    np.testing.assert_allclose(found, ndimage.correlate1d(image, [0.25, 0.5, 0.25]), rtol=1e-15)
    with pytest.raises(RuntimeError):
        ndimage.generic_filter(image, low_level, (1, 4))


def test_a_long_program_from_c():
    f = sg.function((x, y), sum(sp.sin(k * x) * sp.cos(y + k) for k in range(150)), backend="llvm")
    k = np.arange(150)
    expected = np.sum(np.sin(0.3 * k) * np.cos(0.4 + k))
    assert function_of_two(f)(0.3, 0.4) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("outputs", "options"),
    [
        ([x, y], {}),
        (x > y, {}),
        (sp.zeta(x) + y, {}),
        (x * y, {"dtype": np.float32}),
        (x * y, {"domain": "complex"}),
    ],
)
def test_no_c_function(outputs, options):
    with pytest.raises(NoMachineCodeError):
        sg.function((x, y), outputs, backend="llvm", **options).low_level()


def test_signatures_that_do_not_fit():
    f = sg.function((x, y), x * y, backend="llvm")
    for signature in ("double (double)", "float (float)"):
        with pytest.raises(ValueError, match="2 arguments"):
            f.low_level(signature)
    wrong = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))
    array = wrong(f._machine().addresses["array"])
    assert np.isnan(array(3, (ctypes.c_double * 3)(1, 2, 3)))
    assert array(2, (ctypes.c_double * 2)(2, 3)) == 6


# --- options


A = 1 + 2.0**-30
ROUNDED = A * A
LOST = float(Fraction(A) ** 2 - Fraction(ROUNDED))  # what a fused multiply-add keeps of A * A - ROUNDED


@pytest.mark.parametrize(("contract", "expected"), [(True, LOST), (False, 0.0)])
def test_contraction(contract, expected):
    assert LOST != 0
    f = sg.function((x, y, z), x * y - z, backend="llvm", contract=contract)
    g = sg.lambdify((x, y, z), x * y - z, backend="llvm", contract=contract)
    for made in (f, f.native, pickle.loads(pickle.dumps(f)), g):
        assert made(A, A, ROUNDED) == expected
        np.testing.assert_array_equal(made(np.full(21, A), np.full(21, A), ROUNDED), np.full(21, expected))
    slope = sg.function((x, y, z), x**2 * y / 2 - x * z, backend="llvm", contract=contract).grad(x)
    assert slope(A, A, ROUNDED) == expected
    session = sg.Session(backend="llvm", contract=contract)
    assert session.run(x * y - z, {x: A, y: A, z: ROUNDED}) == expected


def test_threads_change_nothing():
    values = np.random.default_rng(2).random(150_001)
    results = [sg.function(x, sp.sin(x) * sp.exp(x), backend="llvm", threads=n)(values) for n in (1, 2, 3)]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_impossible_threads(threads):
    for make in (lambda: sg.function(x, x, threads=threads), lambda: sg.Session(threads=threads)):
        with pytest.raises(ValueError, match="threads"):
            make()


@pytest.mark.parametrize("backend", BACKENDS)
class TestOut:
    def test_structure(self, backend):
        f = sg.function((x, y), {"a": x * y + 1, "b": (x - y, sp.Integer(2))}, backend=backend)
        out = {"b": (np.empty(20), np.empty(20)), "a": np.empty(20)}
        values = np.arange(20.0)
        result = f(values, 3.0, out=out)
        assert [result["a"] is out["a"], result["b"][0] is out["b"][0], result["b"][1] is out["b"][1]] == [True] * 3
        np.testing.assert_array_equal(out["a"], 3 * values + 1)
        np.testing.assert_array_equal(out["b"], [values - 3, np.full(20, 2.0)])

    def test_in_place(self, backend):
        f = sg.function((x, y), [y, sp.sqrt(x), sp.zeta(x + 1) + sp.sqrt(y)], backend=backend)
        first, second = np.arange(1.0, 31.0), np.arange(31.0, 61.0)
        expected = f(first, second)
        found = f(first, second, out=[first, second, np.empty(30)])
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_overlapping_arguments(self, backend):
        values = np.arange(1.0, 32.0)
        expected = np.sqrt(values[:-1]) + 1
        sg.function(x, sp.sqrt(x) + 1, backend=backend)(values[:-1], out=values[1:])
        np.testing.assert_array_equal(values[1:], expected)
        grid = np.ones((6, 6))
        sg.function(x, x + 1, backend=backend)(grid[::2], out=grid[::2, ::-1])
        np.testing.assert_array_equal(grid, np.where(np.arange(6) % 2, 1.0, 2.0)[:, None] * np.ones(6))

    def test_matrices(self, backend):
        matrix = sp.MatrixSymbol("M", 2, 2)
        values = np.arange(12.0).reshape(3, 2, 2)
        out = np.empty((3, 2, 2))
        assert sg.function(matrix, matrix * matrix, backend=backend)(values, out=out) is out
        np.testing.assert_array_equal(out, values @ values)
        out = np.empty((2, 1, 5))
        assert sg.lambdify(x, sp.Matrix([x, x**2]), backend=backend)(np.arange(5.0), out=out) is out
        np.testing.assert_array_equal(out[:, 0], [np.arange(5.0), np.arange(5.0) ** 2])

    def test_numbers_conditions_derivatives(self, backend):
        out = np.empty(())
        assert sg.function(x, x + 1, backend=backend)(2.0, out=out) is out
        assert out == 3
        out = np.empty(4, bool)
        sg.function(x, x > 1, backend=backend)(np.arange(4.0), out=out)
        assert out.tolist() == [False, False, True, True]
        out = (np.empty(4), np.empty(4))
        sg.function((x, y), x * y, backend=backend).grad()(np.arange(4.0), 2.0, out=out)
        np.testing.assert_array_equal(out, [np.full(4, 2.0), np.arange(4.0)])

    def test_what_does_not_fit(self, backend):
        f = sg.function((x, y), [x + y, x * y], backend=backend)
        values, good = np.arange(3.0), np.empty(3)
        locked = np.empty(3)
        locked.flags.writeable = False
        for error, out in [
            (ShapeError, [good, np.empty(4)]),
            (ShapeError, [good, np.empty((3, 1))]),
            (FeedTypeError, [good, np.empty(3, np.float32)]),
            (FeedTypeError, [good]),
            (FeedTypeError, good),
            (FeedTypeError, [good, None]),
            (FeedError, [good, good]),
            (FeedError, [good, locked]),
        ]:
            with pytest.raises(error, match="out"):
                f(values, 1.0, out=out)

    def test_arrays_that_share_memory(self, backend):
        f = sg.function(x, [x + 1, 2 * x, x**2], backend=backend)
        values, memory, other = np.arange(1.0, 51.0), np.zeros(100), np.empty(50)
        for out in (
            [memory[:50], memory[25:75], other],
            [memory[49::-1], other, memory[49:99]],
            [other, memory[::2], memory[50:]],
        ):
            with pytest.raises(FeedError, match=r"`out` share memory: those of the outputs \d and \d"):
                f(values, out=out)
        assert not memory.any()
        f(values, out=[memory[::2], memory[1::2], other])
        np.testing.assert_array_equal([memory[::2], memory[1::2], other], [values + 1, 2 * values, values**2])
        columns = np.empty((50, 3))
        f(values, out=[columns[:, 2], columns[::-1, 0], columns[:, 1]])
        np.testing.assert_array_equal(columns.T, [2 * values[::-1], values**2, values + 1])

    def test_sharing_that_is_too_hard_to_tell(self, backend, monkeypatch):
        grid = np.zeros((50, 20, 100))
        f = sg.function(x, [x + 1, 2 * x], backend=backend)
        out, values = [grid[:, ::2, 3:50:3], grid[:, 1::2, 50:66]], np.ones((50, 10, 16))
        f(values, out=out)
        assert (out[0] == 2).all() and (out[1] == 2).all()
        monkeypatch.setattr("symgraph.destinations._MOST_WORK", 1)
        with pytest.raises(FeedError, match="share memory"):
            f(values, out=out)
        f(values, out=[out[0], np.empty_like(values)])  # apart from each other: nothing to search

    def test_an_argument_of_that_name(self, backend):
        out = sp.Symbol("out")
        assert sg.function((x, out), x - out, backend=backend)(5.0, out=3.0) == 2


def test_results_are_computed_in_place():
    """The array is not only filled in the end: the kernel writes into it."""
    f = sg.function(x, sp.exp(x) * x, backend="llvm")
    seen, run = [], f._default.run
    object.__setattr__(f._default, "run", lambda *given: seen.append(run(*given)) or seen[-1])
    out = np.empty(1000)
    f(np.linspace(0, 1, 1000), out=out)
    assert seen[0][0] is out


def test_timing_is_off_by_default():
    from symgraph.backends.timing import recorded, times

    assert times.get() is None
    with recorded() as seconds:
        sg.Session(backend="llvm").run(sp.sin(x) * x, {x: np.ones(100)})
    assert len(seconds) == 1 and times.get() is None
