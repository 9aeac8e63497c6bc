"""Certificates: ours by name (SNI), read anew when their files change, and what a peer's says of it (RFC 5922).

TLS 1.2 and 1.3 with forward secrecy only. A connection that we open is never unverified.
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sip.io.errors import TlsError
from sip.io.limits import CERTIFICATES_MAX

log = logging.getLogger(__name__)

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:@SECLEVEL=2"
"""Of TLS 1.2, what every peer since 2013 speaks: ephemeral keys, authenticated encryption. 1.3 has nothing weaker."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate chain of ours and its key, in PEM."""

    name: str
    """Host name it is shown for, lower case; the first of several is shown to all others."""
    chain: Path
    key: Path | None = None
    """``None`` when the key stands in the chain's file."""


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """What TLS listeners and connections of ours are made of."""

    certificates: tuple[Certificate, ...]
    authorities: Path | None = None
    """PEM file of who may vouch for peers; ``None``: the system's for servers, nobody for clients."""

    def files(self) -> list[Path]:
        """Return every file that is read."""
        keys = [item.key for item in self.certificates if item.key is not None]
        more = [self.authorities] if self.authorities is not None else []
        return [*(item.chain for item in self.certificates), *keys, *more]


def parse_certificates(text: str) -> tuple[Certificate, ...]:
    """Read ``SIP_TLS_CERTIFICATES``: ``name=chain.pem`` or ``name=chain.pem+key.pem``, several with commas.

    Raises:
        TlsError: a part that is neither, a name twice, or too many.
    """
    certificates: list[Certificate] = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        name, equals, files = part.partition("=")
        chain, plus, key = files.partition("+")
        if not equals or not name.strip() or not chain.strip() or (plus and not key.strip()):
            raise TlsError(f"SIP_TLS_CERTIFICATES: {part!r} is not name=chain.pem or name=chain.pem+key.pem")
        certificates.append(Certificate(name.strip().lower(), Path(chain.strip()), Path(key.strip()) if plus else None))
    names = [item.name for item in certificates]
    if len(set(names)) < len(names):
        raise TlsError("SIP_TLS_CERTIFICATES: a name stands twice")
    if len(names) > CERTIFICATES_MAX:
        raise TlsError(f"SIP_TLS_CERTIFICATES: more than {CERTIFICATES_MAX}")
    return tuple(certificates)


class Contexts:
    """OpenSSL's contexts for one state of the files; ``reload`` replaces them whole, or leaves them as they are.

    Connections keep the context they were made with: a reload drops none.
    """

    def __init__(self, config: TlsConfig) -> None:
        """Read all files.

        Raises:
            TlsError: one cannot be used.
        """
        self._config = config
        self._seen = _stamps(config.files())
        self._build()

    def _build(self) -> None:
        if not self._config.certificates:
            raise TlsError("a TLS listener needs SIP_TLS_CERTIFICATES")
        authorities = self._config.authorities
        server = {item.name: _server_context(item, None) for item in self._config.certificates}
        asking = {item.name: _server_context(item, authorities) for item in self._config.certificates}
        requiring = {item.name: _server_context(item, authorities) for item in self._config.certificates}
        for context in requiring.values():
            context.verify_mode = ssl.CERT_REQUIRED
        client = _client_context(self._config)
        self._plain, self._asking, self._requiring = _by_sni(server), _by_sni(asking), _by_sni(requiring)
        self.client = client
        """For connections that we open; shows our first certificate to who asks for one."""

    def server(self, *, asks: bool, requires: bool) -> ssl.SSLContext:
        """Return the context for a connection that came: asks for a certificate, or goes on with none without one."""
        return self._requiring if requires else self._asking if asks else self._plain

    def reload(self) -> bool:
        """Read all files anew; returns whether that went well. Says so either way; what went wrong changes nothing."""
        self._seen = _stamps(self._config.files())
        try:
            self._build()
        except TlsError as error:
            log.error("certificates are not read anew, the former ones stay: %s", error)
            return False
        log.info("certificates read anew: %s", ", ".join(item.name for item in self._config.certificates))
        return True

    def reload_if_changed(self) -> bool:
        """Reload when a file is not the one it was; returns whether it did."""
        return _stamps(self._config.files()) != self._seen and self.reload()


def _stamps(files: Sequence[Path]) -> list[tuple[int, int, int]]:
    """Return what tells that a file was written or replaced."""
    stamps: list[tuple[int, int, int]] = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            stamps.append((0, 0, 0))
        else:
            stamps.append((status.st_mtime_ns, status.st_ino, status.st_size))
    return stamps


def _base(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    return context


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    try:
        context.load_cert_chain(certificate.chain, certificate.key)
    except (OSError, ValueError) as error:
        where = certificate.chain if certificate.key is None else f"{certificate.chain} with {certificate.key}"
        raise TlsError(f"certificate of {certificate.name}, {where}: {error}") from error


def _server_context(certificate: Certificate, authorities: Path | None) -> ssl.SSLContext:
    context = _base(ssl.PROTOCOL_TLS_SERVER)
    _load(context, certificate)
    if authorities is not None:
        _load_authorities(context, authorities)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _client_context(config: TlsConfig) -> ssl.SSLContext:
    context = _base(ssl.PROTOCOL_TLS_CLIENT)
    # OpenSSL's own check of names takes wildcards and knows no SIP identities; ours is ``carries``.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    _load(context, config.certificates[0])
    if config.authorities is not None:
        _load_authorities(context, config.authorities)
    else:
        context.set_default_verify_paths()
    return context


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except OSError as error:
        raise TlsError(f"authorities in {path}: {error}") from error


def _by_sni(contexts: Mapping[str, ssl.SSLContext]) -> ssl.SSLContext:
    """Return the first context, told to give way to the one whose name a client asks for (RFC 6066 §3)."""
    first = next(iter(contexts.values()))

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        chosen = contexts.get((name or "").lower())
        if chosen is not None:
            connection.context = chosen

    if len(contexts) > 1:
        first.sni_callback = choose
    return first


def sip_identities(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the SIP domains a verified certificate speaks for, in lower case (RFC 5922 §7.1).

    ``certificate`` is what ``getpeercert`` gives. Host parts of ``sip:`` URIs without a user; only where there is no
    such, DNS names; only where there are no alternative names at all, the common name. A wildcard is no identity: it
    would match nothing but itself (§7.2).
    """
    if not certificate:
        return ()
    names: Sequence[tuple[str, str]] = certificate.get("subjectAltName", ())
    if not names:
        parts = [part for row in certificate.get("subject", ()) for part in row]
        return _plain_names(value for key, value in parts if key == "commonName")
    uris = [value[4:] for kind, value in names if kind == "URI" and value[:4].lower() == "sip:"]
    hosts = [_uri_host(uri) for uri in uris if "@" not in uri]
    return _plain_names(hosts) or _plain_names(value for kind, value in names if kind == "DNS")


def _uri_host(rest: str) -> str:
    host = rest.partition(";")[0].partition("?")[0]
    return host if host.startswith("[") else host.partition(":")[0]


def _plain_names(values: Any) -> tuple[str, ...]:
    names = [str(value).lower().rstrip(".") for value in values]
    return tuple(dict.fromkeys(name for name in names if name and "*" not in name))


def carries(certificate: Mapping[str, Any] | None, domain: str, address: str) -> bool:
    """Tell whether a verified certificate is one of ``domain`` (RFC 5922 §7.3), or without one, of the IP address."""
    if domain and not _is_address(domain):
        return domain.lower().rstrip(".") in sip_identities(certificate)
    wanted = ipaddress.ip_address((domain or address).partition("%")[0])
    names = (certificate or {}).get("subjectAltName", ())
    return any(kind == "IP Address" and ipaddress.ip_address(value.strip()) == wanted for kind, value in names)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
