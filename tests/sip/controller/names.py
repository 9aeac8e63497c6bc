"""A locator of the tests: knows the names it is told of, at once or when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sip.controller.ports import NumericLocator
from sip.stack.locating.enum import NumberAnswer
from sip.stack.locating.records import Hop
from sip.stack.message.grammar import is_address
from sip.stack.message.uri import Uri


class Names:
    """Host names to addresses, ``address:port`` allowed; numbers to URIs."""

    def __init__(self, **hosts: Sequence[str]) -> None:
        self.hosts: dict[str, Sequence[str]] = {name.replace("_", "."): found for name, found in hosts.items()}
        self.numbers: dict[str, NumberAnswer] = {}
        self.asked: list[str] = []
        self.waiting: list[Callable[[], None]] | None = None
        """A list here lets answers wait until ``answer``."""

    def locate(self, uri: Uri, done: Callable[[Sequence[Hop]], None]) -> None:
        """Look the host up."""
        if is_address(uri.host):
            NumericLocator().locate(uri, done)
            return
        self.asked.append(str(uri))
        transport = (uri.param("transport") or "udp").upper()
        hops = [_hop(transport, text, uri) for text in self.hosts.get(uri.host, ())]
        self._tell(lambda: done(hops))

    def look_up(self, number: str, suffix: str, done: Callable[[NumberAnswer], None]) -> None:
        """Look the number up."""
        self.asked.append(f"{number} {suffix}")
        answer = self.numbers.get(number, NumberAnswer())
        self._tell(lambda: done(answer))

    def answer(self) -> None:
        """Give what waits."""
        waiting, self.waiting = self.waiting or [], []
        for tell in waiting:
            tell()

    def _tell(self, tell: Callable[[], None]) -> None:
        if self.waiting is None:
            tell()
        else:
            self.waiting.append(tell)


def _hop(transport: str, text: str, uri: Uri) -> Hop:
    address, _, port = text.partition(":")
    return Hop(transport, (address, int(port or uri.port or 5060)), uri.host)
