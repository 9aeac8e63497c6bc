"""Via (RFC 3261 §20.42, RFC 3581)."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import (
    Params,
    find_param,
    format_host_port,
    format_params,
    is_token,
    parse_host_port,
    parse_params,
)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop's Via value; ``parse`` and ``str`` are inverse."""

    transport: str
    """Upper case."""
    host: str
    """As written; an IPv6 address without brackets."""
    port: int | None = None
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one value (not a comma-separated row).

        Raises:
            ValueError: the protocol is not SIP/2.0, the transport no token, or host or a parameter is bad.
        """
        head, semicolon, tail = text.partition(";")
        fields = head.split(None, 1)
        if fields and fields[0][:8].upper() == "SIP/2.0/" and is_token(fields[0][8:]):
            transport = fields[0][8:].upper()
            where = fields[1] if len(fields) > 1 else ""
        else:
            transport, where = _parse_spaced(head, text)
        if not where:
            raise ValueError(f"Via: no host in {text!r}")
        host, port = parse_host_port(where.strip())
        return cls(transport, host, port, parse_params(semicolon + tail) if semicolon else ())

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {format_host_port(self.host, self.port)}{format_params(self.params)}"

    @property
    def branch(self) -> str:
        """The ``branch`` parameter, "" when there is none."""
        return find_param(self.params, "branch") or ""

    @property
    def sent_by(self) -> str:
        """Host (lower case) and port as they take part in matching; the port only when given."""
        return format_host_port(self.host.lower(), self.port)

    @property
    def received(self) -> str:
        """Where the request really came from, without the brackets some write (RFC 5118 §4.5); "" when not given."""
        return (find_param(self.params, "received") or "").strip("[]")

    def param(self, name: str) -> str | None:
        """Return the value of a parameter, "" when it has none, ``None`` when absent."""
        return find_param(self.params, name)

    def with_source(self, address: str, port: int) -> Via:
        """Return the value with ``received`` and, if ``rport`` is asked for, its value (RFC 3261 §18.2.1, RFC 3581)."""
        wants_rport = find_param(self.params, "rport") is not None
        if not wants_rport and self.host == address:
            return self
        kept: list[tuple[str, str | None]] = []
        for name, value in self.params:
            if name == "rport":
                kept.append((name, str(port)))
            elif name != "received":
                kept.append((name, value))
        kept.append(("received", address))
        return Via(self.transport, self.host, self.port, tuple(kept))


def _parse_spaced(head: str, text: str) -> tuple[str, str]:
    """Read ``SIP / 2.0 / UDP host``: RFC 3261 allows blanks around the slashes."""
    parts = head.split("/", 2)
    if len(parts) != 3 or parts[0].strip().upper() != "SIP" or parts[1].strip() != "2.0":
        raise ValueError(f"Via: not SIP/2.0 in {text!r}")
    fields = parts[2].split(None, 1)
    if not fields or not is_token(fields[0]):
        raise ValueError(f"Via: no transport in {text!r}")
    return fields[0].upper(), fields[1] if len(fields) > 1 else ""
