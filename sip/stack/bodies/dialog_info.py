"""dialog-info+xml (RFC 4235 §4): the calls of a line, as lamps and pick-up keys need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sip.stack.bodies.xml import escape

CONTENT_TYPE: Final = "application/dialog-info+xml"
_NAMESPACE: Final = "urn:ietf:params:xml:ns:dialog-info"


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """One dialog of the observed line."""

    id: str
    direction: str
    """``initiator`` or ``recipient``."""
    state: str
    """``trying``, ``proceeding``, ``early``, ``confirmed`` or ``terminated``."""
    local: str = ""
    """URI of the observed line; "" leaves the parties out."""
    remote: str = ""
    remote_name: str = ""
    event: str = ""
    """Why it is terminated: ``cancelled``, ``rejected``, ``local-bye``, ``remote-bye``, ``error``, ``timeout``."""
    code: int = 0
    """Status that ended it, 0 for none."""
    dialog: tuple[str, str, str] = ("", "", "")
    """Call-ID, local and remote tag as the observed phone has them; "" where they are not known."""

    def __str__(self) -> str:
        """Return its element."""
        names = ("call-id", "local-tag", "remote-tag")
        given = [f' {name}="{escape(value)}"' for name, value in zip(names, self.dialog, strict=True) if value]
        event = f' event="{self.event}"' if self.event else ""
        code = f' code="{self.code}"' if self.code else ""
        parties = ""
        if self.local:
            parties = _party("local", self.local, "") + _party("remote", self.remote, self.remote_name)
        return (
            f'<dialog id="{escape(self.id)}"{"".join(given)} direction="{self.direction}">'
            f"<state{event}{code}>{self.state}</state>{parties}</dialog>"
        )


def _party(role: str, uri: str, name: str) -> str:
    display = f' display="{escape(name)}"' if name else ""
    return f'<{role}><identity{display}>{escape(uri)}</identity><target uri="{escape(uri)}"/></{role}>'


def compose(entity: str, version: int, is_full: bool, dialogs: list[str]) -> bytes:
    """Return the document of a line; ``version`` counts the documents of one subscription from 0."""
    state = "full" if is_full else "partial"
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<dialog-info xmlns="{_NAMESPACE}" version="{version}" '
        f'state="{state}" entity="{escape(entity)}">'
    )
    return f"{head}{''.join(dialogs)}</dialog-info>\n".encode("utf-8", "replace")
