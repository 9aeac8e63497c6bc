"""Which modules run compiled, and whether what was compiled is of the sources that are here. Standard library only.

`make compile` leaves shared objects in ``build/compiled/<fingerprint>/``, never beside the sources. The fingerprint
is of every source they were made of, so that a changed source makes them unfindable: then the sources run, interpreted.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

from voip.platform import places

TREES: Final = ("sip/stack", "sip/controller", "sip/proxy")
"""Folders all of whose modules are compiled; one that is not there has none."""
MODULES: Final = (
    "billing/rating.py",
    "fraud/screening.py",
    "fraud/window.py",
    "numbers/e164/dialling.py",
    "numbers/e164/nanp.py",
    "sip/io/pump.py",
    "sip/io/udp.py",
    "voip/callpolicy.py",
    "voip/node/routing.py",
    "voip/node/screening.py",
)
"""Further modules that every call meets. A class that inherits from a compiled one has to be compiled as well."""
SCANNERS: Final = ("sip/stack/message/scan.py",)
"""Modules in Cython's pure-Python mode; all others are compiled by mypyc."""
SUFFIX: Final = EXTENSION_SUFFIXES[0]
SETTING: Final = "COMPILED"
"""Environment variable: ``auto`` (the default), ``never``, or ``always``, which fails where nothing fits."""
_PROBE: Final = "sip.stack.endpoint"


class NotCompiled(RuntimeError):
    """``COMPILED=always`` is set, and there is nothing that fits the sources."""


def sources(root: Path = places.ROOT) -> list[Path]:
    """Return every module that is compiled, in order; packages' own ``__init__`` stay as they are."""
    found = [path for tree in TREES for path in (root / tree).rglob("*.py") if path.name != "__init__.py"]
    return sorted([*found, *(root / name for name in MODULES if (root / name).exists())])


def module_name(path: Path) -> str:
    """Return how a module of the checkout is imported; ``numbers/`` is a root of its own."""
    return ".".join(path.relative_to(places.ROOT).with_suffix("").parts).removeprefix("numbers.")


def every_module(root: Path = places.ROOT) -> list[Path]:
    """Return what a compiler must see to know the types: all modules and hints of the packages compiled ones are in."""
    tops = {path.relative_to(root).parts[0] for path in sources(root)}
    return [path for top in sorted(tops) for kind in ("*.py", "*.pxd") for path in (root / top).rglob(kind)]


def fingerprint(root: Path = places.ROOT) -> str:
    """Return what changes whenever a compiled module, the way it is compiled, or the interpreter does."""
    digest = hashlib.sha256(f"{sys.implementation.cache_tag} {SUFFIX}".encode())
    recipe = [root / "voip" / "platform" / name for name in ("compiling.py", "native_init.py")]
    hints = [path for tree in TREES for path in sorted((root / tree).rglob("*.pxd"))]
    for path in [*sources(root), *hints, *(path for path in recipe if path.exists())]:
        digest.update(os.fsencode(path.relative_to(root)) + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:20]


def folder(root: Path = places.ROOT) -> Path:
    """Return where the shared objects of these very sources are, or are to be."""
    return root / "build" / "compiled" / fingerprint(root)


class _Finder(MetaPathFinder):
    """Finds the shared objects of one folder by the names of their modules."""

    def __init__(self, home: Path) -> None:
        self._files = {
            ".".join(path.relative_to(home).parts).removesuffix(SUFFIX): str(path) for path in home.rglob(f"*{SUFFIX}")
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that was compiled, ``None`` for any other."""
        file = self._files.get(fullname)
        if file is None:
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, file))


def use(root: Path = places.ROOT) -> bool:
    """Let this process import compiled modules if they fit; to be called before any of them is imported.

    Returns:
        Whether they will be.

    Raises:
        NotCompiled: ``COMPILED=always``, and nothing fits.
    """
    wish = os.environ.get(SETTING) or "auto"
    if wish == "never":
        return False
    home = folder(root)
    if home.is_dir():
        if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
            sys.meta_path.insert(0, _Finder(home))
        return True
    if wish == "always" and not in_wheel(root):
        raise NotCompiled("nothing compiled fits these sources: make compile")
    return in_wheel(root)


def in_wheel(root: Path = places.ROOT) -> bool:
    """Return whether the package was installed from a wheel that holds shared objects."""
    return (root / f"{_PROBE.replace('.', '/')}{SUFFIX}").exists()


def describe() -> str:
    """Return, for the log, in which form this process runs the SIP stack."""
    loaded = sys.modules.get(_PROBE)
    if loaded is not None and (loaded.__file__ or "").endswith(SUFFIX):
        return "stack and controller compiled"
    reason = "by COMPILED=never" if os.environ.get(SETTING) == "never" else "`make compile` makes a call cheaper"
    return f"stack and controller interpreted ({reason})"
