"""The system user that PostgreSQL runs as when the platform is started by root: it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCOUNT = "trunkline"
HOME = Path("/var/lib/trunkline")
"""Readable by the account whatever folder the checkout is in. The checkout's own parents are never opened to others."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group that a child process is given."""

    uid: int
    gid: int

    def popen(self) -> dict[str, Any]:
        """Return the arguments of ``subprocess`` that start a child as this user and with no other group."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account() -> Account | None:
    """Return who the database server must run as; ``None`` means as we are.

    As root the system user ``trunkline`` is made on first use.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--home-dir", HOME, "--shell", "/usr/sbin/nologin", ACCOUNT],
            check=True,
        )
        entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def own_folder(path: Path, account: Account | None) -> Path:
    """Make a folder that only the account may enter, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    if account:
        os.chown(path, account.uid, account.gid)
    return path


def readable_copy(source: Path, target: Path) -> Path:
    """Copy a folder once to where every user can read it; a half-made copy is never seen under the final name."""
    if not target.exists():
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as unfinished:
            copy = Path(unfinished) / "copy"
            shutil.copytree(source, copy, symlinks=True)
            try:
                copy.rename(target)
            except OSError:
                if not target.exists():  # Otherwise another start was faster.
                    raise
    return target
