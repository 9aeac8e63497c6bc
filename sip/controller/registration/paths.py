"""Path (RFC 3327): the proxies a request to a contact must pass; and Routes that name us (RFC 3261 §16.4)."""

from __future__ import annotations

from sip.controller.core import Core
from sip.controller.registration.denied import Denied
from sip.controller.registration.limits import PATH_CHARS_MAX, PATH_VALUES_MAX
from sip.controller.registration.options import knows
from sip.stack.flow import Flow
from sip.stack.message.grammar import is_address
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri


def read_path(core: Core, request: Request, flow: Flow) -> tuple[str, ...]:
    """Return the Path values of a REGISTER, those that name ourselves at its top left out.

    Raises:
        Denied: the phone does not know the extension (420), or a value is no loose route (400).
    """
    if request.get("Path") is None:
        return ()
    if core.config.registrar.path_support == "required" and not knows(request, "path"):
        raise Denied(420, "", (("Unsupported", "path"),))
    values = request.values("Path")
    if len(values) > PATH_VALUES_MAX or sum(map(len, values)) > PATH_CHARS_MAX:
        raise Denied(400, "Path Too Long")
    uris = [_loose_route(value) for value in values]
    own = 0
    while own < len(uris) and core.domains.is_our_socket(uris[own], flow):
        own += 1
    return tuple(values[own:])


def _loose_route(value: str) -> Uri:
    try:
        uri = NameAddr.parse(value).uri
    except ValueError:
        raise Denied(400, "Bad Path") from None
    if uri.scheme not in ("sip", "sips") or uri.param("lr") is None or "<" not in value:
        raise Denied(400, "Bad Path")
    return uri


def flow_to_path(core: Core, path: tuple[str, ...], flow: Flow) -> Flow:
    """Return the flow to the first proxy of a path whose REGISTER came over ``flow``.

    A proxy that names itself by a host name is the one the REGISTER came from. One that names an address is called
    there, over a connection of its own choosing: the one it registered the phone over may be gone by then.
    """
    uri = NameAddr.parse(path[0]).uri
    if not is_address(uri.host):
        return flow
    secure = uri.scheme == "sips"
    transport = (uri.param("transport") or ("tls" if secure else "udp")).upper()
    listeners = core.config.listeners
    local = listeners.local(transport, uri.host, listeners.zone_of(flow))
    if local is None:
        return flow
    return Flow(transport, local, (uri.host, uri.port or (5061 if transport == "TLS" else 5060)))


def path_is_outbound(path: tuple[str, ...]) -> bool:
    """Tell whether the proxy next to the phone keeps its flows (RFC 5626 §5.1): the last value, as each goes on top."""
    return bool(path) and NameAddr.parse(path[-1]).uri.param("ob") is not None


def take_off_routes(core: Core, request: Request, flow: Flow) -> None:
    """Remove what routes a request to us: it has arrived (RFC 3261 §16.4).

    A strict router has moved our route into the Request-URI and its target to the end of Route: they change places.
    """
    values = request.values("Route")
    routes = [NameAddr.parse(value).uri for value in values]
    if routes and _is_own_route(core, request.uri, flow):
        request.uri = str(routes[-1])
        del values[-1], routes[-1]
    own = 0
    while own < len(routes) and core.domains.is_our_socket(routes[own], flow):
        own += 1
    if own == 0 and len(values) == len(request.values("Route")):
        return
    request.remove("Route")
    for value in values[own:]:
        request.add("Route", value)


def _is_own_route(core: Core, text: str, flow: Flow) -> bool:
    """Tell whether a Request-URI is a route of ours, such as Service-Route told to a phone: ``lr`` and our socket."""
    if "lr" not in text:
        return False
    try:
        uri = Uri.parse(text)
    except ValueError:
        return False
    return uri.param("lr") is not None and core.domains.is_our_socket(uri, flow)
