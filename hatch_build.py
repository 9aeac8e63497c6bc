"""Wheel with machine code: compiles stack and switch when a compiler is there, else leaves a wheel of plain sources."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileHook(BuildHookInterface[Any]):
    """Puts shared objects beside their sources in the wheel, which nobody edits."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a folder of its own and name what it holds; an editable install stays as it is."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from voip.platform import compiling
        from voip.platform.console import StepFailed

        missing = compiling.obstacle()
        if missing:
            self.app.display_warning(f"wheel of plain sources: {missing}")
            return
        self._work = tempfile.TemporaryDirectory(prefix="trunkline-wheel-")
        tree = Path(self._work.name) / "tree"
        try:
            compiling.compile_into(tree, Path(self._work.name), root)
        except StepFailed as error:
            self.app.display_warning(f"wheel of plain sources: {error}")
            return
        build_data["force_include"] |= {str(path): str(path.relative_to(tree)) for path in tree.rglob("*.so")}
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Delete the folder."""
        work = getattr(self, "_work", None)
        if work is not None:
            work.cleanup()
