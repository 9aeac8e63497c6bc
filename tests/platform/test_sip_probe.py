"""How the supervisor asks the node whether it answers, wherever it was told to listen."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from voip.platform.services import _sip_probe

BASE = {"LISTEN_HOST": "0.0.0.0", "SIP_PORT": "5070"}


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        ("", ("127.0.0.1", 5070)),
        ("a=tcp:10.0.0.1:5060;b=udp:10.0.0.2:5061,udp:10.0.0.3:5062", ("10.0.0.2", 5061)),
        ("a=udp:[::]:5066@sip.example.com", ("::1", 5066)),
    ],
)
def test_the_first_udp_listener_is_asked(listen: str, asked: tuple[str, int]) -> None:
    probe = _sip_probe(BASE | {"SIP_LISTEN": listen})
    assert probe is not None
    known = inspect.getclosurevars(probe).nonlocals
    assert (known["host"], known["port"]) == asked


@pytest.mark.parametrize("listen", ["a=tls:10.0.0.1:5061", "nonsense"])
def test_without_one_the_node_says_itself_that_it_listens(listen: str) -> None:
    assert _sip_probe(BASE | {"SIP_LISTEN": listen}) is None


def test_nobody_there_is_no_answer() -> None:
    probe = _sip_probe({"LISTEN_HOST": "127.0.0.43", "SIP_PORT": "9"})
    assert probe is not None and asyncio.run(probe()) is False  # type: ignore[arg-type]
