"""Vendored files are the ones their list names, and the pages ask no other host for anything."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

STATIC = Path(__file__).parents[2] / "analytics" / "static" / "analytics"


def test_vendored_files_have_the_checksums_of_their_list() -> None:
    rows = re.findall(r"^\| `([^`]+)` .*\| `([0-9a-f]{64})` \|$", (STATIC / "vendor" / "VENDORED.md").read_text(), re.M)
    assert [name for name, _ in rows] == ["echarts/echarts.common.min.js"]
    for name, checksum in rows:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == checksum
        assert (STATIC / "vendor" / name).parent.joinpath("LICENSE").is_file()


def test_own_scripts_and_styles_name_no_other_host() -> None:
    own = sorted([*STATIC.glob("*.js"), *STATIC.glob("*.css")])
    assert [path.name for path in own] == ["analytics.css", "billing.js", "charts.js", "definitions.js", "live.js"]
    assert [path.name for path in own if re.search(r"https?://", path.read_text())] == []
