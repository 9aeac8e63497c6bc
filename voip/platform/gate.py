"""`make test`: every check, one after the other, and at the end what failed. `make lint`, `make format` are parts.

What runs compiled is tested in both forms; without a compiler that is said, and the sources are tested alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from voip.platform import compiling, places, tools
from voip.platform.console import StepFailed, coloured, say

Check = tuple[str, tuple[str, ...]]

_BIN = places.VENV / "bin"
_RUFF = str(_BIN / "ruff")
_MANAGE = (sys.executable, "-W", "ignore::RuntimeWarning", "manage.py")  # No database is asked about migrations.
LINT: tuple[Check, ...] = (
    ("layout", (_RUFF, "format", "--check", "--quiet")),
    ("ruff", (_RUFF, "check", "--quiet")),
    ("import directions", (str(_BIN / "lint-imports"), "--no-cache")),
    ("house style", (sys.executable, "-m", "pytest", "-q", "tests/test_style.py")),
    ("types", (sys.executable, "-m", "mypy")),
    ("migrations are complete", (*_MANAGE, "makemigrations", "--check", "--dry-run")),
    ("Django's checks", (*_MANAGE, "check", "--deploy", "--fail-level", "WARNING")),
)
TESTS = ("-m", "pytest", "-q", "--durations=10")
# Real peers and browsers keep both cores busy by themselves and measure time: one after the other.
_ALONE = "integration or browser"
_COMPILED = tuple(
    name
    for name in ("tests/sip/stack", "tests/sip/controller", "tests/sip/proxy", "tests/sip/io", "tests/voip")
    if (places.ROOT / name).exists()
)
FORMAT: tuple[Check, ...] = (
    ("fix", (_RUFF, "check", "--fix", "--quiet")),
    ("lay out", (_RUFF, "format", "--quiet")),
)
_COMPILE = ("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes")
_PLAIN = ("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make requirements", "--upgrade")
_DEVELOPERS = ("--extra", "dev", "-c", "requirements.txt")
REQUIREMENTS: tuple[Check, ...] = (
    ("requirements-uv.txt", (*_COMPILE, *_PLAIN, "--group", "installer", "-o", "requirements-uv.txt")),
    ("requirements.txt", (*_COMPILE, *_PLAIN, "pyproject.toml", "-o", "requirements.txt")),
    ("requirements-dev.txt", (*_COMPILE, *_PLAIN, *_DEVELOPERS, "pyproject.toml", "-o", "requirements-dev.txt")),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check ended."""

    name: str
    status: int
    took_s: float


def main(arguments: Sequence[str]) -> int:
    """Run the checks of `make <command>`; the result is 1 when one failed."""
    command, rest = arguments[0], list(arguments[1:])
    os.environ["PATH"] = os.pathsep.join([str(_BIN), os.environ.get("PATH", ""), str(tools.BIN)])
    if command == "compile":
        return compiling.main()
    checks = {"lint": LINT, "format": FORMAT, "requirements": REQUIREMENTS}.get(command)
    if checks is None:
        try:
            tools.ensure()
            tools.point_playwright_at_node()
        except StepFailed as error:
            say(coloured(str(error), "red"))
            return 1
        checks = _tests(rest) if rest else (*LINT, *_tests([]))
    outcomes = [_run(name, line) for name, line in checks]
    return _report(outcomes)


def _tests(chosen: list[str]) -> tuple[Check, ...]:
    python = (sys.executable, *TESTS)
    if chosen:
        return (("tests", (*python, *chosen)),)
    parallel = ("-n", "2", "-m", f"not ({_ALONE})")
    # Whole nodes run in the form they would run in here: compiled, if they can be.
    nodes = ("integration and browser tests", ("env", "COMPILED=auto", *python, "-m", _ALONE))
    units = ("unit tests", (*python, *parallel, "--ignore=tests/test_style.py"))
    obstacle = compiling.obstacle()
    if obstacle:
        say(coloured(f"stack and controller are tested as sources only: {obstacle}", "yellow"))
        return (units, nodes)
    return (
        ("compile stack and controller", (sys.executable, "-m", "voip.platform.compiling")),
        units,
        ("stack and controller, compiled", ("env", "COMPILED=always", *python, *parallel, *_COMPILED)),
        nodes,
    )


def _run(name: str, command: Sequence[str]) -> Outcome:
    say(coloured(f"── {name}", "cyan"))
    began = time.monotonic()
    env = os.environ | {"UV_SYSTEM_CERTS": "1"}
    status = subprocess.run(command, cwd=places.ROOT, env=env, check=False).returncode
    return Outcome(name, status, time.monotonic() - began)


def _report(outcomes: Sequence[Outcome]) -> int:
    say()
    for outcome in outcomes:
        word = coloured("    ok", "green") if outcome.status == 0 else coloured("failed", "red")
        say(f"{word} {outcome.name} {coloured(f'{outcome.took_s:.1f} s', 'grey')}")
    failed = [outcome.name for outcome in outcomes if outcome.status != 0]
    if failed:
        say(coloured(f"failed: {', '.join(failed)}", "red"))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
