"""The roles an element can be given by a setting, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from sip.controller.directory import Directory
from sip.controller.ports import LocationStore, LocatorPort, SwitchConfig
from sip.proxy.config import ProxyConfig
from sip.proxy.proxy import Proxy
from sip.proxy.redirect import RedirectServer, RegistrarServer
from sip.proxy.stateless import StatelessProxy
from sip.stack.endpoint import Endpoint
from sip.stack.message.uri import Uri

EndpointRole = Literal["user", "proxy", "stateless"]

B2BUA: Final = "b2bua"
"""The switch itself, registrar included: the one role that makes calls, records them and takes money for them."""

ENDPOINT_ROLES: Final[dict[str, EndpointRole]] = {
    B2BUA: "user",
    "registrar": "user",
    "redirect": "user",
    "proxy": "proxy",
    "stateless": "stateless",
}
"""What the endpoint under each role remembers."""

_ELEMENTS: Final[dict[str, type[Proxy]]] = {
    "registrar": RegistrarServer,
    "redirect": RedirectServer,
    "proxy": Proxy,
    "stateless": StatelessProxy,
}


def check(role: str, proxy: ProxyConfig) -> None:
    """Refuse settings no element can be made of.

    Raises:
        ValueError: an unknown role, next hops that are no SIP URIs, or none where they are needed.
    """
    if role not in ENDPOINT_ROLES:
        raise ValueError(f"SIP_ROLE: {role!r} is none of {', '.join(ENDPOINT_ROLES)}")
    for text in proxy.next_hops:
        try:
            scheme = Uri.parse(text).scheme
        except ValueError as error:
            raise ValueError(f"SIP_PROXY_NEXT_HOPS: {error}") from error
        if scheme not in ("sip", "sips"):
            raise ValueError(f"SIP_PROXY_NEXT_HOPS: {text!r} is no SIP URI")
    if role == "stateless" and not proxy.next_hops:
        raise ValueError("SIP_PROXY_NEXT_HOPS: a stateless proxy needs at least one SIP URI to send to")


def make(
    role: str,
    config: SwitchConfig,
    proxy: ProxyConfig,
    endpoint: Endpoint,
    directory: Directory,
    store: LocationStore | None,
    wake: Callable[[], None],
    locator: LocatorPort | None,
) -> Proxy:
    """Return the element of a role that is not ``B2BUA``; its settings have passed ``check``."""
    return _ELEMENTS[role](config, proxy, endpoint, directory, store, wake, locator)
