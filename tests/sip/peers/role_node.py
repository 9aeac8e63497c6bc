"""A node of its own process with another role than the switch, and the network of ``static_node``.

``python -m tests.sip.peers.role_node ROLE HOST PORT [NEXT_HOP …]``
"""

from __future__ import annotations

import asyncio
import signal
import sys
from uuid import uuid4

import uvloop

from sip.controller.ports import SwitchConfig
from sip.controller.registration.config import RegistrarConfig
from sip.io.node import Node, NodeConfig, Parts, run_node
from sip.proxy import roles
from sip.proxy.config import ProxyConfig
from sip.proxy.nobody import NoJournal
from sip.proxy.proxy import Proxy
from tests.sip.peers.static_node import REALM, make_directory


async def main(role: str, host: str, port: int, next_hops: tuple[str, ...]) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    proxy = ProxyConfig(next_hops=next_hops)
    roles.check(role, proxy)

    def make(parts: Parts) -> Proxy:
        config = SwitchConfig(
            node="node1",
            realm=REALM,
            secret=b"a secret of the tests, not short",
            token=parts.token,
            call_id=lambda: uuid4().hex,
            listeners=parts.listeners,
            registrar=RegistrarConfig(path_support="assumed"),
        )
        return roles.make(
            role, config, proxy, parts.endpoint, make_directory(host, port), parts.store, parts.wake, None
        )

    node = Node(
        NodeConfig(host, port, endpoint_role=roles.ENDPOINT_ROLES[role]), make, lambda post, on_error: NoJournal(), None
    )
    await run_node(node, stop, lambda: print("ready 0", flush=True))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), tuple(sys.argv[4:])))
