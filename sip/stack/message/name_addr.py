"""An address with a name and parameters: From, To, Contact, Route, Record-Route (RFC 3261 §20.10)."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import (
    Params,
    end_of_quoted,
    find_param,
    format_params,
    is_token,
    parse_params,
    quote,
    unquote,
)
from sip.stack.message.uri import Uri


@dataclass(frozen=True, slots=True)
class NameAddr:
    """One ``name-addr`` or ``addr-spec`` with its header parameters; ``parse`` and ``str`` are inverse."""

    uri: Uri
    display_name: str = ""
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read one value.

        Raises:
            ValueError: quotes or brackets are not closed, or the URI or a parameter is bad.
        """
        text = text.strip()
        name = ""
        position = 0
        if text[:1] == '"':
            position = end_of_quoted(text, 0)
            name = unquote(text[:position])
        bracket = text.find("<", position)
        if bracket < 0:
            if position:
                raise ValueError(f"address: no < after the name in {text!r}")
            # RFC 3261 §20: without brackets, parameters belong to the header, not to the URI.
            address, semicolon, tail = text.partition(";")
            if "?" in address or "," in address:
                raise ValueError(f"address: ? or , without brackets in {text!r}")  # RFC 3261 §20.10
            return cls(Uri.parse(address.strip()), "", parse_params(semicolon + tail))
        between = text[position:bracket].strip()
        if between:
            if position or not all(map(is_token, between.split())):
                raise ValueError(f"address: bad display name in {text!r}")
            name = between
        close = text.find(">", bracket)
        if close < 0:
            raise ValueError(f"address: unclosed < in {text!r}")
        return cls(Uri.parse(text[bracket + 1 : close].strip()), name, parse_params(text[close + 1 :].strip()))

    def __str__(self) -> str:
        address = f"<{self.uri}>{format_params(self.params)}" if self.params else f"<{self.uri}>"
        return f"{quote(self.display_name)} {address}" if self.display_name else address

    @property
    def tag(self) -> str:
        """The ``tag`` parameter, "" when there is none."""
        return find_param(self.params, "tag") or ""

    def param(self, name: str) -> str | None:
        """Return the value of a header parameter, "" when it has none, ``None`` when absent."""
        return find_param(self.params, name)


def tag_of(text: str) -> str:
    """Return the tag of a From or To value without reading the rest; "" when there is none."""
    tail = text[text.rfind(">") + 1 :]
    if '"' in tail:
        return NameAddr.parse(text).tag
    before, found, after = tail.partition(";tag=")
    if found and not before and after.isalnum():
        return after  # The usual case, taken first because it is asked for with every message.
    if "tag" not in tail.lower():
        return ""
    for part in tail.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "tag":
            return value.strip()
    return ""
