"""How a REGISTER is refused."""

from __future__ import annotations


class Denied(Exception):
    """The REGISTER changes nothing; this is its answer."""

    def __init__(self, status: int, reason: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.headers = headers
