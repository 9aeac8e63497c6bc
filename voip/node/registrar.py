"""What the operator's settings say about registrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeVar

from django.conf import settings

from sip.controller.registration.config import RegistrarConfig
from sip.stack.message.name_addr import NameAddr

Choice = TypeVar("Choice", bound=str)

PINGS_PER_S_MAX: Final = 200
"""Of a node, shared by its workers: about 2 % of a core. With more contacts than fit, each one's interval grows."""

_PINGS: dict[str, Literal["off", "nat", "all"]] = {"off": "off", "nat": "nat", "all": "all"}
_PATHS: dict[str, Literal["required", "assumed"]] = {"required": "required", "assumed": "assumed"}


def registrar_config(share: tuple[int, int] = (0, 1)) -> RegistrarConfig:
    """Return the registrar's part of the switch's settings; ``share`` says which worker it is for, and of how many.

    Raises:
        ValueError: a setting has a value that means nothing; the text names both.
    """
    hosts = {*settings.SIP_DOMAINS, settings.SIP_PUBLIC_HOST}
    return RegistrarConfig(
        domains=frozenset(host.lower() for host in hosts if host),
        service_route=service_route(settings.SIP_SERVICE_ROUTE),
        path_support=_chosen("SIP_PATH_SUPPORT", settings.SIP_PATH_SUPPORT, _PATHS),
        pings=_chosen("SIP_PINGS", settings.SIP_PINGS, _PINGS),
        ping_interval_s=float(settings.SIP_PING_INTERVAL_S),
        pings_per_s_max=max(1, PINGS_PER_S_MAX // share[1]),
        ping_share=share,
    )


def service_route(uris: Sequence[str]) -> tuple[str, ...]:
    """Return Service-Route values of SIP URIs, each with ``lr`` (RFC 3608 §6.3).

    Raises:
        ValueError: one is no SIP URI, or is a strict router's.
    """
    values = tuple(f"<{uri}>" for uri in uris)
    for value in values:
        uri = NameAddr.parse(value).uri
        if uri.scheme not in ("sip", "sips") or uri.param("lr") is None:
            raise ValueError(f"SIP_SERVICE_ROUTE: {value} is no SIP URI with ;lr")
    return values


def _chosen(name: str, value: str, choices: dict[str, Choice]) -> Choice:
    if value not in choices:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(choices)}")
    return choices[value]
