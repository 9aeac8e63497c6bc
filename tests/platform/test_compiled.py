"""What was compiled is used only while it fits its sources, and what cannot be compiled is named."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from voip.platform import compiled, compiling, places
from voip.platform.console import StepFailed

CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with two modules of the stack."""
    for name in ("sip/__init__.py", "sip/stack/__init__.py", "sip/stack/tiny.py", "sip/stack/small.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CLEAN if path.stem in ("tiny", "small") else "")
    (tmp_path / "work").mkdir()
    return tmp_path


def test_a_changed_source_has_another_fingerprint(root: Path) -> None:
    before = compiled.fingerprint(root)
    (root / "sip/stack/tiny.py").write_text(CLEAN + "\n")
    assert compiled.fingerprint(root) != before


def test_a_new_module_a_moved_one_and_a_hint_change_the_fingerprint(root: Path) -> None:
    seen = {compiled.fingerprint(root)}
    (root / "sip/stack/more.py").write_text("")
    seen.add(compiled.fingerprint(root))
    (root / "sip/stack/more.py").rename(root / "sip/stack/other.py")
    seen.add(compiled.fingerprint(root))
    (root / "sip/stack/other.pxd").write_text("")
    seen.add(compiled.fingerprint(root))
    assert len(seen) == 4


def test_what_is_not_compiled_does_not_change_the_fingerprint(root: Path) -> None:
    before = compiled.fingerprint(root)
    (root / "sip/models.py").write_text("A = 1\n")
    (root / "sip/stack/__init__.py").write_text("A = 1\n")
    assert compiled.fingerprint(root) == before


def test_every_module_of_stack_and_controller_is_compiled_without_being_listed() -> None:
    names = {str(path.relative_to(places.ROOT)) for path in compiled.sources()}
    assert {"sip/stack/endpoint.py", "sip/stack/transaction/base.py", "sip/controller/calls/call.py"} <= names
    assert {name for name in names if not name.startswith(compiled.TREES)} == set(compiled.MODULES)


def test_shared_objects_of_other_sources_are_not_used(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiled.SETTING, "auto")
    compiled.folder(root).mkdir(parents=True)
    (root / "sip/stack/tiny.py").write_text(CLEAN + "\n")
    finders = list(sys.meta_path)
    assert compiled.use(root) is False
    assert sys.meta_path == finders


def test_always_without_anything_that_fits_is_an_error_that_says_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(compiled.SETTING, "always")
    with pytest.raises(compiled.NotCompiled, match="make compile"):
        compiled.use(root)


def test_never_uses_nothing_even_if_it_fits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiled.SETTING, "never")
    compiled.folder(root).mkdir(parents=True)
    finders = list(sys.meta_path)
    assert compiled.use(root) is False
    assert sys.meta_path == finders


def test_without_a_compiler_the_obstacle_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/nonexistent/cc")
    assert compiling.obstacle() == "no C compiler: apt-get install gcc"


def test_a_module_that_is_not_clean_is_named_with_its_line(root: Path) -> None:
    (root / "sip/stack/bad.py").write_text("\ndef half(number: int) -> str:\n    return number / 2\n")
    with pytest.raises(StepFailed, match=r"sip/stack/bad\.py:3: error"):
        compiling.compile_into(root / "tree", root / "work", root)


def test_a_compiled_module_is_what_a_process_imports(root: Path) -> None:
    """Where there is no compiler this holds nothing but the message that says so."""
    if compiling.obstacle():
        assert "apt-get install" in compiling.obstacle()
        return
    compiling.compile_into(compiled.folder(root), root / "work", root)
    code = (
        f"from pathlib import Path\nfrom voip.platform import compiled\ncompiled.use(Path({str(root)!r}))\n"
        "from sip.stack import tiny\nprint(tiny.double(21), tiny.__file__)"
    )
    env = os.environ | {compiled.SETTING: "always"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout == f"42 {compiled.folder(root)}/sip/stack/tiny{compiled.SUFFIX}\n"


def test_without_a_compiler_the_wheel_holds_sources_for_any_machine(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    env = os.environ | {"CC": "/nonexistent/cc"}
    done = subprocess.run(command, cwd=places.ROOT, env=env, capture_output=True, text=True, check=True)
    assert "wheel of plain sources: no C compiler: apt-get install gcc" in done.stdout + done.stderr
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "sip/stack/message/scan.py" in names
    assert [name for name in names if name.endswith(".so")] == []


def test_nothing_compiled_lies_beside_the_sources() -> None:
    assert [path for tree in compiled.TREES for path in (places.ROOT / tree).rglob("*.so")] == []
