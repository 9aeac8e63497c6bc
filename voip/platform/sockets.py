"""Folders for Unix sockets, whose paths must be short."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from voip.platform.account import Account, own_folder
from voip.platform.limits import SOCKET_PATH_BYTES_MAX

LONGEST_NAME = "/.s.PGSQL.5432.lock"


def socket_folder(preferred: Path, account: Account | None = None) -> Path:
    """Make and return ``preferred``, or a short private folder of the same meaning where its path is too long.

    Raises:
        PermissionError: the short folder exists and belongs to somebody else.
    """
    if len(os.fsencode(preferred)) + len(LONGEST_NAME) <= SOCKET_PATH_BYTES_MAX:
        return own_folder(preferred, account)
    uid = account.uid if account else os.geteuid()
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"trunkline-{uid}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid not in {os.geteuid(), uid}:
        raise PermissionError(f"{short} belongs to another user; remove it, or move the checkout to a shorter path")
    return own_folder(short, account)
