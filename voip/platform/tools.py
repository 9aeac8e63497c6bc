"""The programs that tests talk to: found, installed, or unpacked beside the checkout. Standard library only.

An ordinary user gets them without any right on the machine: Debian's packages, with all they depend on and the
machine lacks, are downloaded and unpacked into ``.tools/``, and started through small scripts in ``.tools/bin``.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voip.platform import places
from voip.platform.console import StepFailed, run_logged, step

NODE = "playwright-node"
"""The program inside playwright's package; it needs a library that a minimal Debian does not have."""
HEADERS = "Python.h"
COMPILERS = {"gcc": "gcc", HEADERS: "python3-dev"}
"""For the compiled form of the stack; they work installed only, and tests go without them where they are not."""
PACKAGES = {
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "chromium": "chromium",
    "named": "bind9",
    "kamailio": "kamailio",
    "linphonec": "linphone-cli",
    NODE: "libatomic1",
}
BIN = places.TOOLS / "bin"
_UNPACKED = places.TOOLS / "root"

_LIBRARY = re.compile(r"\.so(\.[0-9.]+)?$")

_SCRIPT = """#!/bin/sh
# Starts a program that is unpacked, not installed.
root='{root}'
export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export XDG_DATA_DIRS="$root/usr/share:/usr/local/share:/usr/share"
export FONTCONFIG_FILE="$root/fonts.conf"
exec "{program}" "$@"
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{root}/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{root}/fontcache</cachedir></fontconfig>
"""
_PROGRAMS = {
    "sipp": "usr/bin/sipp",
    "baresip": "usr/bin/baresip",
    "chromium": "usr/lib/chromium/chromium",
    "named": "usr/sbin/named",
    "kamailio": "usr/sbin/kamailio",
    "linphonec": "usr/bin/linphonec",
}
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian puts servers; an ordinary user's PATH does not name it."""
_NO_SERVICES = """#!/bin/sh
# Programs of tests are started by tests, never by the machine (Debian policy, invoke-rc.d).
exit 101
"""
BARESIP_MODULES = "usr/lib/baresip/modules"


def find(name: str) -> Path | None:
    """Return where a program is, or ``None``."""
    if name == NODE and _loads("libatomic.so.1"):
        return _node()
    if name == HEADERS:
        header = Path(sysconfig.get_paths()["include"]) / HEADERS
        return header if header.exists() else None
    folders = [os.environ.get("PATH", ""), *_SBIN, str(BIN)]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found) if found else None


def kamailio_modules() -> Path:
    """Return the folder that kamailio's configuration must name as ``mpath``; modules live by architecture."""
    found = find("kamailio")
    root = _UNPACKED if found and found.parent == BIN else Path("/")
    return next(root.glob("usr/lib/*/kamailio/modules"), root / "usr/lib/kamailio/modules")


def linphone_folder() -> Path:
    """Return the folder to start linphonec in: it looks there for ``share/belr/grammars`` at last."""
    found = find("linphonec")
    return (_UNPACKED if found and found.parent == BIN else Path("/")) / "usr"


def baresip_modules() -> Path:
    """Return the folder that baresip's configuration must name as ``module_path``."""
    found = find("baresip")
    return (_UNPACKED if found and found.parent == BIN else Path("/")) / BARESIP_MODULES


def point_playwright_at_node() -> None:
    """Let playwright start its own program through the script that finds the unpacked library, if there is one."""
    if (BIN / NODE).exists():
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(BIN / NODE)


def ensure() -> None:
    """Get every program that is missing.

    Raises:
        StepFailed: this is no Debian, or the packages could not be fetched.
    """
    missing = [name for name in PACKAGES if find(name) is None]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        missing += [name for name in COMPILERS if find(name) is None]
    if not missing:
        return
    names = " ".join(_package(name) for name in missing)
    if not shutil.which("apt-get"):
        raise StepFailed(f"tests need {', '.join(missing)}; on Debian: apt-get install {names}")
    log = places.log_folder() / "setup.log"
    if os.geteuid() == 0:
        with step(f"test programs: {names}"):
            install(missing, log)
    else:
        with step(f"test programs, without root, into {places.TOOLS.name}/: {names}"):
            unpack(missing, log)


def _package(name: str) -> str:
    return (PACKAGES | COMPILERS)[name]


def install(names: list[str], log: Path) -> None:
    """Install programs as root."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run_logged(["apt-get", "update", "-q"], log, env)
    packages = [_package(name) for name in names]
    with _without_services():
        run_logged(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], log, env)


@contextmanager
def _without_services(policy: Path = Path("/usr/sbin/policy-rc.d")) -> Iterator[None]:
    """Keep packages from starting their servers; a machine that has a policy of its own keeps it."""
    if policy.exists():
        yield
        return
    policy.write_text(_NO_SERVICES)
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def unpack(names: list[str], log: Path) -> None:
    """Download programs and all that they need and the machine lacks, and unpack them below ``.tools``."""
    options = _own_apt_state()
    run_logged(["apt-get", *options, "update", "-q"], log)
    wanted = _closure(options, [PACKAGES[name] for name in names])
    archives = places.TOOLS / "archives"
    shutil.rmtree(archives, ignore_errors=True)
    archives.mkdir(parents=True)
    run_logged(["sh", "-c", 'cd "$0" && exec apt-get "$@"', archives, *options, "download", "-q", *wanted], log)
    for archive in sorted(archives.glob("*.deb")):
        run_logged(["dpkg-deb", "-x", archive, _UNPACKED], log)
    shutil.rmtree(archives)
    shutil.rmtree(places.TOOLS / "apt")
    (_UNPACKED / "fonts.conf").write_text(_FONTS.format(root=_UNPACKED))
    for name in names:
        _write_script(name)


def _own_apt_state() -> list[str]:
    """Return apt's options that keep its lists and caches below ``.tools``, where no root is needed."""
    state, cache = places.TOOLS / "apt" / "state", places.TOOLS / "apt" / "cache"
    for folder in (state / "lists" / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State": state,
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": cache,
        "Dir::Log": places.TOOLS / "apt",
        "Debug::NoLocking": "1",
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "",
        # Clean-up hooks of containers want to delete the machine's own caches.
        "APT::Update::Post-Invoke-Success": "",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _closure(options: list[str], packages: list[str]) -> list[str]:
    """Return "package=version" of everything that an installation would bring."""
    plan = subprocess.run(
        ["apt-get", *options, "install", "--simulate", "-q", *packages], capture_output=True, text=True, check=False
    )
    wanted = re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", plan.stdout, re.MULTILINE)
    if plan.returncode != 0 or not wanted:
        raise StepFailed(f"apt-get cannot resolve {' '.join(packages)}:\n{plan.stdout}{plan.stderr}")
    return [f"{name}={version}" for name, version in wanted]


def _node() -> Path:
    packages = next((places.VENV / "lib").glob("python3.*"), places.VENV) / "site-packages"
    return packages / "playwright" / "driver" / "node"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _write_script(name: str) -> None:
    program = _node() if name == NODE else _UNPACKED / _PROGRAMS[name]
    if not program.exists():
        raise StepFailed(f"{PACKAGES[name]} has no {program}")
    # Some packages keep libraries in folders of their own below the architecture's.
    found = (path for top in ("usr/lib", "lib") for path in (_UNPACKED / top).glob("**/lib*.so*"))
    folders = {path.parent for path in found if _LIBRARY.search(path.name)}
    libraries = ":".join(map(str, sorted(folders, key=lambda folder: len(folder.parts))))
    BIN.mkdir(exist_ok=True)
    script = BIN / name
    script.write_text(_SCRIPT.format(root=_UNPACKED, libraries=libraries, program=program))
    script.chmod(0o755)
