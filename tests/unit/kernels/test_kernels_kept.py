"""Compiled kernels: what is kept, when it is compiled again, and that it runs without Numba."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pgstream

INNER = """
from pgstream.kernels.compiler import njit, types

@njit(types.int64(types.int64), nogil=True, cache=True)
def changed(number):
    return number + 1
"""
OUTER = """
import numpy as np
from pgstream.kernels.compiler import int64, njit, types
from pgstream.kernels.inner import changed
from pgstream.kernels.pointers import multiply_words

@njit(types.int64[::1](types.Array(int64, 1, "C", readonly=True), types.int64[::1]), nogil=True, cache=True)
def outer(numbers, copy):
    made = np.empty(len(numbers), np.int64)
    for i in range(len(numbers)):
        made[i] = changed(numbers[i]) + int64(multiply_words(0, 1))
        copy[i] = numbers[i]
    return made

@njit(int64(int64), nogil=True, cache=True)
def refuses(number):
    if number < 0:
        raise ValueError("negative")
    return number
"""
CALL = """
import sys
import numpy as np
from pgstream.kernels.outer import outer, refuses
numbers, copy = np.array([1, 2, 3]), np.zeros(3, np.int64)
print(outer(numbers, copy).tolist(), copy.tolist(), "numba" in sys.modules)
"""
KEEP = """
from pgstream.kernels.keeping import join_modules, keep_module
for module in ("inner", "outer"):
    keep_module(module)
join_modules(["inner", "outer"])
"""
KEPT = {"__init__", "cache", "compiler", "native", "keeping", "pointers", "pointer_types", "inner", "outer"}


class Package:
    """A copy of the kernels with two of its own, whose cache is beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kernels = folder / "pgstream" / "kernels"
        shutil.copytree(Path(pgstream.__file__).parent / "kernels", self.kernels)
        for name in ("__init__.py", "compiling.py"):
            shutil.copy(Path(pgstream.__file__).with_name(name), folder / "pgstream" / name)
        (self.kernels / "inner.py").write_text(INNER)
        (self.kernels / "outer.py").write_text(OUTER)

    def run(self, program: str, **environment: str) -> str:
        cache = {"NUMBA_CACHE_DIR": str(self.folder / "cache"), "PGSTREAM_KERNEL_CHECKS": ""}
        inherited = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**inherited, "PYTHONPATH": str(self.folder), **cache, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    package = Package(tmp_path_factory.mktemp("package"))
    package.run(KEEP)
    return package


def test_kept_kernels_run_without_numba(package: Package) -> None:
    assert package.run(CALL) == "[2, 3, 4] [1, 2, 3] False\n"


def test_a_kept_kernel_may_raise(package: Package) -> None:
    program = """
from pgstream.kernels.outer import outer, refuses
for call in (lambda: refuses(-1), lambda: refuses(None), lambda: outer(1, 2)):
    try:
        call()
    except Exception as error:
        print(type(error).__name__)
print(refuses(7))
"""
    assert package.run(program) == "ValueError\nTypeError\nTypeError\n7\n"


def test_numba_can_be_imported_after_kept_kernels_ran(package: Package) -> None:
    program = CALL + "print(outer.dispatcher(numbers, copy).tolist(), outer(numbers, copy).tolist())"
    assert package.run(program).splitlines()[1] == "[2, 3, 4] [2, 3, 4]"


@pytest.mark.parametrize(
    "arguments",
    [
        "numbers.astype(np.float64), copy",
        "numbers[::2], copy",
        "numbers, list(copy)",
        "numbers.reshape(1, 3), copy",
        "copy, np.frombuffer(bytes(24), np.int64)",
    ],
)
def test_checks_find_wrong_arguments(package: Package, arguments: str) -> None:
    program = CALL + f"\ntry:\n    outer({arguments})\nexcept AssertionError as error:\n    print(error)"
    assert "no int64 array as it should be" in package.run(program, PGSTREAM_KERNEL_CHECKS="1")


def test_without_what_is_kept_numba_compiles(package: Package, tmp_path: Path) -> None:
    assert package.run(CALL, NUMBA_CACHE_DIR=str(tmp_path)) == "[2, 3, 4] [1, 2, 3] True\n"


def test_without_the_jit_kernels_are_python(package: Package) -> None:
    assert package.run(CALL, NUMBA_DISABLE_JIT="1") == "[2, 3, 4] [1, 2, 3] True\n"


def test_a_change_in_an_inlined_kernel_is_noticed(tmp_path: Path) -> None:
    package = Package(tmp_path)
    package.run(KEEP)
    pieces = "from pgstream.kernels import cache\nprint(*(cache.piece(p.stem).name for p in cache.sources()))"
    before = package.run(pieces).split()
    (package.kernels / "inner.py").write_text(INNER.replace("+ 1", "+ 5"))
    assert package.run(CALL).startswith("[6, 7, 8]")  # compiled at once
    after = package.run(pieces).split()
    assert {piece.partition("-")[0] for piece in set(after) - set(before)} == {"inner", "outer"}
    package.run(KEEP)
    assert package.run(CALL) == "[6, 7, 8] [1, 2, 3] False\n"


def test_what_did_not_change_is_not_compiled_again(tmp_path: Path) -> None:
    package = Package(tmp_path)
    for path in package.kernels.glob("*.py"):
        if path.stem not in KEPT:
            path.unlink()
    stale = "from pgstream.compiling import stale_modules\nprint(stale_modules())"
    assert package.run(stale) == "['outer', 'inner']\n"
    package.run(KEEP)
    assert package.run(stale) == "[]\n"
    with (package.kernels / "outer.py").open("a") as file:
        file.write("\n")
    assert package.run(stale) == "['outer']\n"


def test_old_folders_are_removed(tmp_path: Path) -> None:
    package = Package(tmp_path)
    for number in range(6):
        (tmp_path / "cache" / f"{number:024x}").mkdir(parents=True)
        os.utime(tmp_path / "cache" / f"{number:024x}", (number, number))
    (tmp_path / "cache" / "kernels_of_numba").mkdir()
    package.run("from pgstream.kernels import cache\ncache.folder(); cache.remove_old()")
    left = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert len(left) == 4
    assert [name for name in left if name.startswith("0000")] == [f"{number:024x}" for number in (3, 4, 5)]


def test_a_cache_that_cannot_be_written_is_told_and_passed_over(package: Package, tmp_path: Path) -> None:
    program = """
from pathlib import Path
from pgstream.compiling import compile_kernels
from pgstream.kernels import cache, native
native.write(cache.folder() / cache.COMPLETE, {})
compile_kernels(print)
print(cache.folder())
"""
    environment = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": "/dev/null", "TMPDIR": str(tmp_path)}
    told, folder = package.run(program, **environment).splitlines()
    assert told.startswith("/dev/null/pgstream/kernels/")
    assert told.endswith(f" cannot be written; compiled kernels are kept in {folder}")
    assert folder.startswith(str(tmp_path))
    assert Path(folder).parent.stat().st_mode & 0o777 == 0o700
    assert package.run(CALL, **environment).startswith("[2, 3, 4]")


def test_a_temporary_folder_of_others_is_not_trusted(package: Package, tmp_path: Path) -> None:
    program = "from pgstream.kernels import cache\nprint(cache.folder())"
    environment = {"NUMBA_CACHE_DIR": "/dev/null/kernels", "TMPDIR": str(tmp_path)}
    usual = Path(package.run(program, **environment).strip())
    usual.parent.chmod(0o777)
    unusual = Path(package.run(program, **environment).strip())
    assert unusual.parent == tmp_path
    assert unusual.stat().st_mode & 0o777 == 0o700
