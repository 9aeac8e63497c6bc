"""The network as the controller sees it: lines and trunks as frozen values, found by name, id or address.

A ``Directory`` is immutable; a newer one replaces it whole, so that one call never sees two states of the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineEntry:
    """One subscriber line: credentials, and what the switch must know to call it."""

    id: int
    tenant_id: int
    username: str
    """Unique in the realm."""
    extension: str
    """Short number other lines of the tenant dial; "" for none."""
    ha1_md5: str
    ha1_sha256: str
    display_name: str
    caller_number: str
    """E.164 shown to trunks, "" for none."""
    is_active: bool
    contacts_max: int
    calls_max: int
    country: str
    """ISO 3166 alpha-2: how the line's dialling is read."""
    ha1_sha512_256: str = ""

    def ha1(self, algorithm: str) -> str:
        """Return the digest secret for an algorithm without its ``-sess``, "" when there is none."""
        if algorithm == "MD5":
            return self.ha1_md5
        if algorithm == "SHA-256":
            return self.ha1_sha256
        return self.ha1_sha512_256 if algorithm == "SHA-512-256" else ""


@dataclass(frozen=True, slots=True)
class TrunkEntry:
    """One connection to a carrier."""

    id: int
    tenant_id: int
    name: str
    host: str
    """IP address or name the INVITE goes to (RFC 3263); "" when numbers are looked up by ENUM."""
    port: int | None
    """``None`` for what SRV says, or the transport's own."""
    transport: str
    """"" for what the name's NAPTR records say."""
    source_addresses: tuple[str, ...]
    """IP addresses from which its calls are taken without digest; ``address:port`` narrows. Without any those count
    that ``host`` leads to."""
    calls_max: int
    is_active: bool
    country: str
    username: str
    """For digest when the carrier challenges us; "" for none."""
    ha1_md5: str
    zone: str = ""
    """Zone of the listener its requests leave by; "" for the first."""
    realm: str = ""
    """The only realm whose challenges are answered."""
    ha1_sha256: str = ""
    ha1_sha512_256: str = ""
    enum_suffix: str = ""
    """Where numbers are looked up (RFC 6116) when the trunk has no host: its calls go where the DNS says."""
    ping_interval_s: int = 0
    """Pause between two OPTIONS that ask whether it is there; 0 for none."""
    follows_redirects: bool = False
    """A 3xx of the carrier's that names the carrier itself is followed."""
    tls_name: str = ""
    """SIP domain of the carrier's certificate, lower case: who shows it is the carrier, wherever it comes from, and
    who is reached over TLS must show it. "" for none."""

    def ha1(self, algorithm: str) -> str:
        """Return the digest secret for an algorithm without its ``-sess``, "" when there is none."""
        if algorithm == "MD5":
            return self.ha1_md5
        if algorithm == "SHA-256":
            return self.ha1_sha256
        return self.ha1_sha512_256 if algorithm == "SHA-512-256" else ""


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """Calls to ``prefix`` (E.164 digits without ``+``, or a short code) may go to ``trunk_id``, low priority first."""

    id: int
    tenant_id: int
    prefix: str
    trunk_id: int
    priority: int


class Directory:
    """Look-ups over one state of the network."""

    def __init__(
        self, lines: Iterable[LineEntry] = (), trunks: Iterable[TrunkEntry] = (), routes: Iterable[RouteEntry] = ()
    ) -> None:
        self.lines: Mapping[int, LineEntry] = {line.id: line for line in lines}
        self.trunks: Mapping[int, TrunkEntry] = {trunk.id: trunk for trunk in trunks}
        self.routes: tuple[RouteEntry, ...] = tuple(sorted(routes, key=lambda route: (route.priority, route.id)))
        self._by_username = {line.username: line for line in self.lines.values()}
        self._by_extension = {(line.tenant_id, line.extension): line for line in self.lines.values() if line.extension}
        self._by_tls_name = {trunk.tls_name: trunk for trunk in self.trunks.values() if trunk.tls_name}
        self._by_source = {source: trunk for trunk in self.trunks.values() for source in trunk.source_addresses}

    def line_by_username(self, username: str) -> LineEntry | None:
        """Return the line that registers as ``username``, blocked or not."""
        return self._by_username.get(username)

    def line_by_extension(self, tenant_id: int, extension: str) -> LineEntry | None:
        """Return the tenant's line with this short number."""
        return self._by_extension.get((tenant_id, extension))

    def trunk_by_tls_names(self, names: Iterable[str]) -> TrunkEntry | None:
        """Return the trunk one of these names of a verified certificate (``Flow.peer_names``) belongs to."""
        for name in names:
            trunk = self._by_tls_name.get(name)
            if trunk is not None:
                return trunk
        return None

    def trunk_by_source(self, address: str, port: int) -> TrunkEntry | None:
        """Return the trunk whose requests come from here; ``address:port`` wins over the bare address."""
        return self._by_source.get(f"{address}:{port}") or self._by_source.get(address)
