"""Where the platform keeps its things. Standard library only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"


def var_folder() -> Path:
    """Return the folder of all state; ``VAR_DIR`` moves it."""
    return Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()


def run_folder() -> Path:
    return var_folder() / "run"


def log_folder() -> Path:
    return var_folder() / "log"


def env_file() -> Path:
    return var_folder() / "env"


def demo_file() -> Path:
    return var_folder() / "demo.json"


def lock_file() -> Path:
    """Return the file that a running supervisor holds locked; it contains its process id."""
    return run_folder() / "supervisor.lock"


def state_file() -> Path:
    return run_folder() / "state.json"


def instance_name() -> str:
    """Return a short name of this state folder, for what root keeps outside of it."""
    return hashlib.sha256(os.fsencode(var_folder())).hexdigest()[:12]
