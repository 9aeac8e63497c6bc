"""Rules of the North American numbering plan, the twenty-five countries and territories behind ``+1``."""

from __future__ import annotations

import re

CALLING_CODE = "1"

# NPA: N is 2 to 9, the second digit is not 9 (kept for expansion). NXX: N is 2 to 9, and not N11.
_NATIONAL = re.compile(r"[2-9][0-8][0-9][2-9](?!11)[0-9]{6}", re.ASCII)


def is_valid(national: str) -> bool:
    """Tell whether ten digits can be a number of the plan (ATIS-0300119: NPA and NXX formats)."""
    return _NATIONAL.fullmatch(national) is not None
