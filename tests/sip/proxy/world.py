"""The wire of ``tests.sip.controller.network`` with a proxy, a redirect server or a stateless proxy in the middle."""

from __future__ import annotations

from typing import Any, Literal

from sip.controller.directory import Directory
from sip.controller.ports import SwitchConfig
from sip.controller.switch import Switch
from sip.proxy.config import ProxyConfig
from sip.proxy.proxy import Proxy
from sip.proxy.redirect import RedirectServer, RegistrarServer
from sip.proxy.stateless import StatelessProxy
from sip.stack.flow import Flow
from sip.stack.listeners import Listeners
from sip.stack.message.message import Request
from sip.stack.message.parse import parse_message
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import Network, Sent
from tests.sip.controller.phone import Phone
from tests.sip.wire import tokens

Kind = Literal["proxy", "redirect", "registrar", "stateless"]
_ROLES: dict[Kind, Literal["user", "proxy", "stateless"]] = {
    "proxy": "proxy",
    "redirect": "user",
    "registrar": "user",
    "stateless": "stateless",
}
_MADE = {"proxy": Proxy, "redirect": RedirectServer, "registrar": RegistrarServer, "stateless": StatelessProxy}


class World(Network):
    """A network whose middle has another role than the switch."""

    def __init__(
        self,
        network: Directory,
        kind: Kind = "proxy",
        config: ProxyConfig | None = None,
        listeners: Listeners | None = None,
    ) -> None:
        self._kind: Kind = kind
        self._proxy = config or ProxyConfig()
        self.role = _ROLES[kind]
        self.nat: dict[tuple[str, int], tuple[str, int]] = {}
        """What the element takes for the source of what comes from an address."""
        super().__init__(network, listeners=listeners)

    def start(self) -> None:
        """Start the element behind the NAT."""
        super().start()
        inner = self.receive
        self.receive = lambda data, flow, now: inner(data, self._translated(flow), now)

    def _translated(self, flow: Flow) -> Flow:
        return Flow(flow.transport, flow.local, self.nat.get(flow.remote, flow.remote))

    def make_switch(self, config: SwitchConfig) -> Switch:
        """Return the element in the middle."""
        return _MADE[self._kind](config, self._proxy, self.endpoint, self._directory, self.store)

    def sent_to(self, target: str, text: str) -> list[Sent]:
        """Return what the element sent to somebody."""
        return [s for s in self.sent if s.source == "switch" and s.target == target and s.text == text]

    def request_to(self, target: str, method: str, which: int = -1) -> Request:
        """Return a request the element sent to somebody."""
        message = parse_message(self.sent_to(target, method)[which].data)
        assert isinstance(message, Request)
        return message


def three_phones(kind: Kind = "proxy", **changes: Any) -> tuple[World, Phone, Phone, Phone]:
    """Return alice, and bob registered at two phones, the second with contact ``bob@192.0.2.21``."""
    world = World(directory(line(1, "alice"), line(2, "bob"), line(3, "carol", tenant_id=8)), kind, **changes)
    alice = world.phone("192.0.2.10", "alice", "pw-alice")
    desk = world.phone("192.0.2.20", "bob", "pw-bob")
    mobile = world.phone("192.0.2.21", "bob", "pw-bob")
    mobile.token = tokens("mobile-")
    for phone, q in ((alice, ""), (desk, ";q=0.5"), (mobile, ";q=0.5")):
        phone.register(600, ("Contact", f"<sip:{phone.username}@{phone.flow.local[0]}:5060>{q}"))
        world.run()
    mobile.name = "mobile"
    return world, alice, desk, mobile


def two_phones(kind: Kind = "proxy", **changes: Any) -> tuple[World, Phone, Phone]:
    """Return alice and bob, each registered at one phone."""
    world, alice, bob, mobile = three_phones(kind, **changes)
    mobile.register(600, ("Contact", "<sip:bob@192.0.2.21:5060>;expires=0"))
    world.run()
    return world, alice, bob
