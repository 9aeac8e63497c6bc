"""Session-Expires (RFC 4028 §4)."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import Params, find_param, format_params, parse_digits, parse_params


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """How long a session lasts without a refresh, and who refreshes it; ``parse`` and ``str`` are inverse."""

    delta_s: int
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> SessionExpires:
        """Read a value.

        Raises:
            ValueError: no number of seconds, a bad parameter, or a refresher that is neither ``uac`` nor ``uas``.
        """
        number, semicolon, tail = text.partition(";")
        delta_s = parse_digits(number.strip(), 2**32 - 1)
        value = cls(delta_s, parse_params(semicolon + tail) if semicolon else ())
        if value.refresher not in ("", "uac", "uas"):
            raise ValueError(f"Session-Expires: bad refresher in {text!r}")
        return value

    @property
    def refresher(self) -> str:
        """``uac``, ``uas``, or "" when it is left open."""
        return (find_param(self.params, "refresher") or "").lower()

    def __str__(self) -> str:
        return f"{self.delta_s}{format_params(self.params)}"
