"""`make compile`: stack and switch to machine code, by mypyc, and the message scanner by Cython.

Each C file is a job of its own, so that all cores work; the result is moved to its place whole or not at all.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from voip.platform import compiled, places
from voip.platform.console import StepFailed, coloured, say
from voip.platform.native_init import rewrite

_OPTIONS: Final = ("-O3", "-g0", "-DNDEBUG", "-fPIC", "-fwrapv", "-fvisibility=hidden", "-w")
_TYPES: Final = """[mypy]
strict = true
python_version = 3.{minor}
mypy_path = {root}:{root}/numbers
explicit_package_bases = true
follow_imports = silent
cache_dir = {cache}
"""
_IMPORT_ALL: Final = (
    "import importlib, sys, traceback\n"
    "from voip.platform import compiled\n"
    "compiled.use()\n"
    "for name in sys.argv[1:]:\n"
    "    try:\n"
    "        file = importlib.import_module(name).__file__\n"
    "    except BaseException as error:\n"
    "        sys.exit(f'{name} compiles but cannot be imported: {error!r}')\n"
    "    if not file.endswith(compiled.SUFFIX):\n"
    "        sys.exit(f'{name} was imported from {file}')\n"
)


@dataclass(slots=True)
class _Library:
    """One shared object: what it is made of and where it belongs."""

    name: str
    sources: list[str]
    options: list[str] = field(default_factory=list)


def obstacle() -> str:
    """Return what this machine lacks to compile anything, "" when nothing."""
    if shutil.which(_compiler()[0]) is None:
        return "no C compiler: apt-get install gcc"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        return f"no headers of Python {sys.version_info[0]}.{sys.version_info[1]}: apt-get install python3-dev"
    lacking = [name for name in ("mypyc", "Cython", "setuptools") if importlib.util.find_spec(name) is None]
    return f"no {', '.join(lacking)}: pip install -e .[dev]" if lacking else ""


def main() -> int:
    """Compile unless it is done; the result is the exit status."""
    missing = obstacle()
    if missing:
        say(coloured(f"cannot compile: {missing}", "red"))
        return 1
    began = time.monotonic()
    try:
        is_new = build()
    except StepFailed as error:
        say(coloured(str(error), "red"))
        return 1
    took = f"{len(compiled.sources())} modules compiled in {time.monotonic() - began:.0f} s"
    say(took if is_new else "everything is compiled already")
    return 0


def build() -> bool:
    """Compile into ``compiled.folder()``; returns whether there was anything to do.

    Raises:
        StepFailed: a module is not mypyc-clean, or the compiler failed; the message names it.
    """
    home = compiled.folder()
    if home.is_dir():
        return False
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=home.parent) as name:
        unfinished = Path(name) / "tree"
        compile_into(unfinished, Path(name), places.ROOT)
        with contextlib.suppress(FileExistsError):  # Somebody else was as fast.
            unfinished.rename(home)
    _check_imports(home)
    for old in home.parent.iterdir():
        if old != home and not old.name.startswith("unfinished-"):
            shutil.rmtree(old)
    return True


def compile_into(target: Path, work: Path, root: Path) -> None:
    """Compile every module of the checkout at ``root`` into a tree at ``target``; ``work`` takes what is in between.

    Raises:
        StepFailed: a module is not mypyc-clean, or the compiler failed.
    """
    copy = _prepared(work / "sources", root)
    with contextlib.chdir(copy):
        libraries = [*_with_mypyc(work, copy), *_with_cython(work, copy)]
    objects = {source: work / "objects" / f"{n}.o" for n, source in enumerate(_all_sources(libraries))}
    (work / "objects").mkdir()
    options = {source: library.options for library in libraries for source in library.sources}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(_compile, source, options[source], result) for source, result in objects.items()]
        for job in jobs:
            job.result()
        links = [pool.submit(_link, library, objects, target) for library in libraries]
        for link in links:
            link.result()


def _prepared(copy: Path, root: Path) -> Path:
    """Return a copy of the checkout's modules in which dataclasses initialise themselves."""
    for path in compiled.every_module(root):
        target = copy / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for path in compiled.sources(copy):
        path.write_text(rewrite(path.read_text()))
    return copy


def _all_sources(libraries: list[_Library]) -> list[str]:
    """Return each C file once, the largest first: a long job that comes last keeps one core busy alone."""
    found = {source for library in libraries for source in library.sources}
    return sorted(found, key=lambda source: (-Path(source).stat().st_size, source))


def _with_mypyc(work: Path, root: Path) -> list[_Library]:
    from mypyc.build import mypycify

    settings = work / "mypy.ini"
    settings.write_text(_TYPES.format(root=root, cache=work / "types", minor=sys.version_info[1]))
    scanners = {root / name for name in compiled.SCANNERS}
    paths = [str(path.relative_to(root)) for path in compiled.sources(root) if path not in scanners]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            made = mypycify(
                ["--config-file", str(settings), *paths], multi_file=True, debug_level="0", target_dir=str(work / "c")
            )
    except SystemExit as error:
        why = str(error) if isinstance(error.code, str) else ""
        raise StepFailed(f"not mypyc-clean (ADR 0012 says what that means):\n{said.getvalue()}{why}") from error
    return [_library(extension) for extension in made]


def _library(extension: Any) -> _Library:
    """Translate an extension of setuptools."""
    folders = [f"-I{folder}" for folder in extension.include_dirs]
    macros = [f"-D{name}={value}" if value is not None else f"-D{name}" for name, value in extension.define_macros]
    return _Library(extension.name, list(extension.sources), [*folders, *macros])


def _with_cython(work: Path, root: Path) -> list[_Library]:
    translate: Any = importlib.import_module("Cython.Compiler.Main").compile
    options_of: Any = importlib.import_module("Cython.Compiler.Options").CompilationOptions

    libraries = []
    for name in compiled.SCANNERS:
        if not (root / name).exists():
            continue
        result = work / f"{Path(name).stem}.c"
        options = options_of(output_file=str(result), language_level=3, cplus=False, show_version=False)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            outcome = translate(name, options, full_module_name=name.removesuffix(".py").replace("/", "."))
        if outcome.num_errors:
            raise StepFailed(f"{name} cannot be translated by Cython:\n{said.getvalue()}")
        libraries.append(_Library(name.removesuffix(".py").replace("/", "."), [str(result)]))
    return libraries


def _compiler() -> list[str]:
    return (os.environ.get("CC") or "gcc").split()


def _compile(source: str, options: list[str], result: Path) -> None:
    headers = f"-I{sysconfig.get_paths()['include']}"
    _run([*_compiler(), *_OPTIONS, *options, headers, "-c", source, "-o", str(result)], source)


def _link(library: _Library, objects: dict[str, Path], target: Path) -> None:
    result = target / (library.name.replace(".", "/") + compiled.SUFFIX)
    result.parent.mkdir(parents=True, exist_ok=True)
    parts = [str(objects[source]) for source in library.sources]
    _run([*_compiler(), "-shared", "-Wl,-Bsymbolic", "-Wl,-s", *parts, "-o", str(result)], library.name)


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepFailed(f"{what}: the C compiler failed\n{done.stderr[-2000:]}")


def _check_imports(home: Path) -> None:
    """Import every module once, in a process of its own: some mistakes show only then."""
    names = [compiled.module_name(path) for path in compiled.sources()]
    command = [sys.executable, "-c", _IMPORT_ALL, *names]
    env = os.environ | {compiled.SETTING: "always"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=places.ROOT, env=env)
    if done.returncode != 0:
        shutil.rmtree(home)
        raise StepFailed(done.stderr.strip()[-2000:])


if __name__ == "__main__":
    sys.exit(main())
