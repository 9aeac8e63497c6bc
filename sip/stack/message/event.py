"""Event (RFC 6665 §8.2.1): which package a subscription, notification or publication is about."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import Params, find_param, format_params, is_token, parse_params


@dataclass(frozen=True, slots=True)
class Event:
    """Package name (templates included, as ``presence.winfo``) and parameters; ``parse`` and ``str`` are inverse."""

    name: str
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> Event:
        """Read a value.

        Raises:
            ValueError: the name is no token, or a parameter is bad.
        """
        name, semicolon, tail = text.partition(";")
        name = name.strip()
        if not is_token(name):
            raise ValueError(f"Event: no package in {text!r}")
        return cls(name, parse_params(semicolon + tail))

    def __str__(self) -> str:
        return f"{self.name}{format_params(self.params)}"

    @property
    def id(self) -> str:
        """The ``id`` parameter, "" when there is none: it tells subscriptions of one dialog apart."""
        return find_param(self.params, "id") or ""

    @property
    def key(self) -> tuple[str, str]:
        """Return what two values must share to match: name and id, byte for byte (RFC 6665 §8.2.1)."""
        return (self.name, self.id)
