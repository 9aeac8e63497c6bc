"""The house rules that a machine can check; `docs/style.md` gives their reasons."""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN_MAX = 10

SIP_METHODS = re.compile(r"\b(INVITE|ACK|BYE|CANCEL|REGISTER|OPTIONS|REFER|SUBSCRIBE|NOTIFY|PRACK|UPDATE)\b")
UNITS = ("s", "ms", "us", "nanos", "bytes", "percent")
# A unit must come last: `timeout_s_default` hides it. What follows a unit may only say which of several it is.
AFTER_UNIT = {"max", "min", "per", "total", "left", "kept", "default"}
MACHINE_PATH = re.compile(r"/(?:work|home|root)/(?!\.\.)[a-z]\w*/")
INDEX_ADDRESS = re.compile(
    r"--(?:extra-)?index-url\b|\bregistry\.npmjs\b|\"resolved\":|files\.pythonhosted\.org|pypi\.org/simple"
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
BINARY = {".png", ".jpg", ".woff2", ".ico", ".pdf", ".wav", ".gz"}


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file that is or would be in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())


def sources() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def written_by_us() -> list[Path]:
    return [path for path in sources() if "migrations" not in path.parts]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_no_file_is_longer_than_500_lines() -> None:
    counts = {path: len(path.read_text().splitlines()) for path in sources()}
    assert [where(path, count) for path, count in counts.items() if count > FILE_LINES_MAX] == []


def test_no_function_is_longer_than_70_lines() -> None:
    found = [
        f"{where(path, function.lineno)} {function.name}: {length(function)}"
        for path in written_by_us()
        for function in functions(path)
        if length(function) > FUNCTION_LINES_MAX
    ]
    assert found == []


def test_half_of_all_functions_have_at_most_10_lines() -> None:
    lengths = [length(function) for path in written_by_us() for function in functions(path)]
    assert statistics.median(lengths) <= FUNCTION_LINES_MEDIAN_MAX


# Where a bug of ours is stopped, so that it ends one call, message or piece of work and not the node: whoever is there
# knows what to end. Everywhere else a bug must come through to these.
BUGS_END_HERE = {
    "sip/controller/switch.py": ("_drain", "_run_transaction_timers"),
    "sip/controller/core.py": ("run_posted",),
    "sip/controller/timers.py": ("_call",),
    "sip/controller/calls/aborting.py": ("_attempt",),
    "sip/io/pump.py": ("datagram", "message", "take"),
}


def test_every_exception_that_is_caught_is_named() -> None:
    found = [
        where(path, node.lineno)
        for path in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and is_too_wide(node) and not may_stop_bugs(path, node)
    ]
    assert found == []


def may_stop_bugs(path: Path, handler: ast.ExceptHandler) -> bool:
    """Tell whether the handler stands in one of the few functions where bugs end."""
    names = BUGS_END_HERE.get(str(path.relative_to(ROOT)), ())
    return any(
        function.name in names and function.lineno <= handler.lineno <= (function.end_lineno or 0)
        for function in functions(path)
    )


def is_too_wide(handler: ast.ExceptHandler) -> bool:
    """BaseException may be caught by who raises it again."""
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    wide = {name.id for name in names if isinstance(name, ast.Name)} & {"Exception", "BaseException"}
    raises_again = any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))
    return bool(wide) and not ("Exception" not in wide and raises_again)


def test_nothing_is_left_unfinished() -> None:
    found = []
    for path in sources():
        if path == Path(__file__):
            continue
        comments = (token for token in tokens(path) if token.type == tokenize.COMMENT)
        found += [where(path, comment.start[0]) for comment in comments if UNFINISHED.search(comment.string)]
        names = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name))
        found += [where(path, name.lineno) for name in names if name.id == "NotImplementedError"]
    assert found == []


def tokens(path: Path) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(path.read_text()).readline)


def test_no_test_is_left_out() -> None:
    found = [
        where(path, node.lineno)
        for path in sources()
        if "tests" in path.parts
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "xfail", "importorskip"}
    ]
    assert found == []


def test_no_package_of_ours_hides_one_of_pythons() -> None:
    ours = {path.relative_to(ROOT).parts[0] for path in sources() if len(path.relative_to(ROOT).parts) > 1}
    below_numbers = {path.name for path in (ROOT / "numbers").iterdir() if path.is_dir()}
    assert (ours - {"numbers"} | below_numbers) & set(sys.stdlib_module_names) == set()
    assert not (ROOT / "numbers" / "__init__.py").exists()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in sources() if path.is_relative_to(ROOT / "tests")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_nothing_names_a_machines_path_or_a_package_index() -> None:
    found = []
    for path in tracked():
        if path.suffix in BINARY or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line) or INDEX_ADDRESS.search(line):
                found.append(where(path, number))
    assert found == []


def test_a_unit_is_the_last_word_of_a_name() -> None:
    found = [
        f"{where(path, node.lineno)} {name}"
        for path in written_by_us()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Name | ast.arg) and (name := bound_name(node)) and has_unit_inside(name)
    ]
    assert found == []


def bound_name(node: ast.Name | ast.arg) -> str:
    if isinstance(node, ast.arg):
        return node.arg
    return node.id if isinstance(node.ctx, ast.Store) else ""


def has_unit_inside(name: str) -> bool:
    words = name.lower().strip("_").split("_")
    units = [place for place, word in enumerate(words) if word in UNITS and place > 0]
    return bool(units) and units[-1] < len(words) - 1 and words[units[-1] + 1] not in AFTER_UNIT


@pytest.mark.parametrize("name", ["udp.py", "streams.py", "connection.py", "ws.py"])
def test_the_socket_shells_know_no_sip_method(name: str) -> None:
    path = ROOT / "sip" / "io" / name
    assert [token.start for token in tokens(path) if SIP_METHODS.search(token.string)] == []
