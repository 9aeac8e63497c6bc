"""From a bare checkout to a virtual environment; `make` calls it with the system's Python. Standard library only.

``bootstrap run`` and ``bootstrap test`` install what is missing and go on in the environment; the others need none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from voip.platform import control, doctor, places
from voip.platform.console import StepFailed, coloured, run_logged, say, step

PYTHON_MIN = (3, 11)
REQUIREMENTS = {"run": "requirements.txt", "test": "requirements-dev.txt"}
MACHINE_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_FOR_DEVELOPERS = {"compile", "test", "lint", "format", "requirements"}
VENV_PYTHON = places.VENV / "bin" / "python"


def main(arguments: list[str]) -> int:
    """Do what `make <command>` asks for; the result is the exit status."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Otherwise every start compiles everything again: 3 s, not 1.
    os.chdir(places.ROOT)
    command = arguments[0]
    if command == "doctor":
        return doctor.main()
    if command in {"stop", "reset"}:
        return control.main(command)
    try:
        ensure_environment("test" if command in _FOR_DEVELOPERS else "run")
    except (StepFailed, OSError) as error:
        say(coloured(str(error), "red"))
        return 1
    return _go_on("voip.platform.gate" if command in _FOR_DEVELOPERS else "voip.platform.launcher", arguments)


def _go_on(module: str, arguments: list[str]) -> NoReturn:
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", module, *arguments])  # noqa: S606 - no shell is meant


def ensure_environment(kind: str) -> None:
    """Make ``.venv`` hold what ``run`` or ``test`` needs; nothing is done when it does already.

    Raises:
        StepFailed: Python is too old or cannot make environments, or a package could not be fetched.
    """
    if _is_current(kind) or (kind == "run" and _is_current("test")):
        return
    if kind == "run" and (places.VENV / "bin" / "pytest").exists():
        kind = "test"  # Do not take a developer's tools away.
    log = places.log_folder() / "setup.log"
    if not _works(VENV_PYTHON):
        with step("Python environment"):
            _make_environment(log)
    if not (places.VENV / "bin" / "uv").exists():
        with step("installer (uv)"):
            pip: list[str | Path] = [
                VENV_PYTHON,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "-r",
                "requirements-uv.txt",
            ]
            run_logged(pip, log, env=_trusting_the_machine())
    with step(f"packages of {REQUIREMENTS[kind]}"):
        sync: list[str | Path] = [places.VENV / "bin" / "uv", "pip", "sync", "--quiet", "--require-hashes"]
        run_logged([*sync, "--python", VENV_PYTHON, REQUIREMENTS[kind]], log, env=_trusting_the_machine())
        _put_checkout_on_path()
    _stamp(kind).write_text(_fingerprint(kind))


def find_python() -> Path:
    """Return a Python that is new enough and can make environments; Debian's own is the fastest, so it goes first.

    Raises:
        StepFailed: there is none; the message holds the line that mends it.
    """
    chosen = os.environ.get("PYTHON") or ""
    candidates = [
        chosen,
        "/usr/bin/python3",
        sys.executable,
        *(shutil.which(f"python3.{n}") or "" for n in (13, 12, 11)),
    ]
    for candidate in candidates:
        if candidate and _can_make_environments(Path(candidate)):
            return Path(candidate)
    wanted = ".".join(map(str, PYTHON_MIN))
    raise StepFailed(
        f"no Python {wanted} or later that has venv. On Debian 12:\n  apt-get install python3 python3-venv"
    )


def _can_make_environments(python: Path) -> bool:
    code = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {PYTHON_MIN})"
    return _works(python, code)


def _works(python: Path, code: str = "pass") -> bool:
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_environment(log: Path) -> None:
    python = find_python()
    shutil.rmtree(places.VENV, ignore_errors=True)
    run_logged([python, "-m", "venv", places.VENV], log)


def _trusting_the_machine() -> dict[str, str]:
    """Return an environment in which pip and uv trust the machine's certificate authorities, not only their own."""
    settings = {"UV_SYSTEM_CERTS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if MACHINE_CERTIFICATES.exists():
        settings["PIP_CERT"] = str(MACHINE_CERTIFICATES)
    return settings | os.environ


def _put_checkout_on_path() -> None:
    # As an editable install would, without a build step that needs the package index.
    packages = next((places.VENV / "lib").glob("python3.*")) / "site-packages"
    (packages / "trunkline-checkout.pth").write_text(f"{places.ROOT}\n{places.ROOT / 'numbers'}\n")


def _stamp(kind: str) -> Path:
    return places.VENV / f".installed-{kind}"


def _fingerprint(kind: str) -> str:
    content = (places.ROOT / REQUIREMENTS[kind]).read_bytes() + os.fsencode(places.ROOT)
    return hashlib.sha256(content).hexdigest()


def _is_current(kind: str) -> bool:
    stamp = _stamp(kind)
    return stamp.exists() and stamp.read_text() == _fingerprint(kind) and _works(VENV_PYTHON)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
