"""Q.850 causes: SIP status to cause and back, and the Reason header (RFC 3326) that carries one.

Source of the table: RFC 3398 §7.2.4.1 and §8.2.6.1; it is not symmetric (408 becomes 102, 18 becomes 408).
"""

from __future__ import annotations

from typing import Final

NORMAL_CLEARING: Final = 16
USER_BUSY: Final = 17
NO_ANSWER: Final = 19
SUBSCRIBER_ABSENT: Final = 20
CALL_REJECTED: Final = 21
UNALLOCATED: Final = 1
TEMPORARY_FAILURE: Final = 41
NO_CIRCUIT: Final = 34
TIMER_EXPIRED: Final = 102
INTERWORKING: Final = 127

CAUSE_OF_STATUS: Final[dict[int, int]] = {
    200: 16, 400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127,
    414: 127, 415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1,
    486: 17, 487: 16, 488: 65, 491: 41, 493: 127, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127,
    580: 47, 600: 17, 603: 21, 604: 1, 606: 65, 607: 21,
}  # fmt: skip
"""Cause of a leg's final SIP status (RFC 3398 §8.2.6.1)."""

_TEXTS: Final[dict[int, str]] = {
    1: "Unallocated number", 16: "Normal call clearing", 17: "User busy", 18: "No user responding",
    19: "No answer from user", 20: "Subscriber absent", 21: "Call rejected", 22: "Number changed",
    27: "Destination out of order", 28: "Invalid number format", 31: "Normal, unspecified",
    34: "No circuit available", 38: "Network out of order", 41: "Temporary failure", 42: "Switching congestion",
    102: "Recovery on timer expiry", 127: "Interworking, unspecified",
}  # fmt: skip


def cause_of_status(status: int) -> int:
    """Return the cause of a final status; an unknown one counts as its class does (RFC 3261 §8.1.3.2)."""
    cause = CAUSE_OF_STATUS.get(status)
    if cause is not None:
        return cause
    return CALL_REJECTED if status >= 600 else TEMPORARY_FAILURE if status >= 500 else INTERWORKING


def parse_reason(values: list[str]) -> int | None:
    """Return the cause of the first Q.850 reason among Reason header rows, ``None`` when none is well formed."""
    for value in values:
        if "q.850" not in value.lower():
            continue
        for item in value.split(","):
            parts = [part.strip() for part in item.split(";")]
            if parts[0].lower() != "q.850":
                continue
            for part in parts[1:]:
                name, _, number = part.partition("=")
                number = number.strip()
                if name.strip().lower() == "cause" and number.isascii() and number.isdigit() and int(number) <= 127:
                    return int(number)
    return None


def reason_header(cause: int) -> tuple[str, str]:
    """Return the Reason header row that says ``cause``."""
    text = _TEXTS.get(cause)
    return ("Reason", f'Q.850;cause={cause};text="{text}"' if text else f"Q.850;cause={cause}")
