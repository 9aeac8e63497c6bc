"""Valid messages in any spelling are read as what they are; broken ones raise what is written down and nothing else."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.framing import StreamFramer
from sip.stack.guard.guard import Guard
from sip.stack.message import Request, Response, parse_message
from tests.fuzz import seeds
from tests.fuzz.grammar import Made, messages
from tests.fuzz.mutator import Mutator
from tests.sip.wire import ALICE, BOB, tokens

UDP = Flow("UDP", BOB, ALICE)
TCP = Flow("TCP", BOB, ALICE, 1)


def touch_everything(message: Request | Response) -> None:
    """Ask for every typed view; each may refuse, none may break."""
    for view in (
        "via", "cseq", "call_id", "from_", "to", "from_tag", "to_tag", "contacts", "contact_is_star", "routes",
        "record_routes", "max_forwards", "expires",
    ):  # fmt: skip
        with suppress(RemoteProtocolError):
            getattr(message, view)
    for name in ("Via", "Route", "Require", "Supported", "Allow"):
        with suppress(RemoteProtocolError):
            message.values(name)


def feed(data: bytes) -> None:
    """Give bytes to everything that takes bytes from a peer."""
    with suppress(RemoteProtocolError):
        touch_everything(parse_message(data))
    Guard().admit(data, UDP, 0.0)
    guard = Guard()
    guard.overload.percent = 100
    guard.admit(data, UDP, 0.0)
    endpoint = Endpoint(EndpointConfig(tokens("t")))
    endpoint.receive_datagram(data, UDP, 0.0)
    framer = StreamFramer()
    with suppress(RemoteProtocolError):
        for message in framer.feed(data):
            endpoint.receive_message(message, TCP, 0.0)
    endpoint.handle_timer(40.0)


@given(messages())
def test_a_valid_message_is_read_as_what_it_is(made: Made) -> None:
    message = parse_message(made.data)
    assert (message.call_id, message.cseq.number, message.cseq.method) == (made.call_id, made.number, made.method)
    assert (message.from_tag, message.to_tag) == (made.from_tag, made.to_tag)
    assert (len(message.values("Via")), message.body) == (made.vias, made.body)
    assert isinstance(message, Response) == made.first.startswith("SIP/2.0 ")


@given(messages())
def test_a_valid_message_written_and_read_again_is_the_same(made: Made) -> None:
    once = parse_message(made.data)
    again = parse_message(bytes(once))
    assert bytes(again) == bytes(once)
    assert again.body == once.body


@given(st.lists(messages(stream=True), min_size=1, max_size=4), st.data())
def test_a_stream_cut_anywhere_gives_the_same_messages(made: list[Made], data: st.DataObject) -> None:
    stream = b"".join(message.data for message in made)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framer = StreamFramer()
    edges = [0, *cuts, len(stream)]
    found = [message for start, end in pairwise(edges) for message in framer.feed(stream[start:end])]
    assert found == [message.data for message in made]
    assert framer.failure is None


@settings(max_examples=300)
@given(messages(), st.integers(0, 2**32))
def test_a_mutated_message_raises_nothing_but_what_is_written_down(made: Made, seed: int) -> None:
    mutator = Mutator(seed, [made.data, *seeds.all_seeds()])
    feed(mutator.mutate(made.data))


@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_nonsense_in_a_message_raises_nothing_but_what_is_written_down(nonsense: bytes, seed: int) -> None:
    chance = random.Random(seed)
    data = chance.choice(seeds.all_seeds())
    at = chance.randrange(len(data))
    feed(data[:at] + nonsense + data[at:])


def test_ten_thousand_mutated_messages_raise_nothing_but_what_is_written_down() -> None:
    mutator = Mutator(7, seeds.all_seeds())
    for _ in range(10_000):
        feed(mutator.make())


def test_the_same_seed_makes_the_same_messages() -> None:
    one, two = (Mutator(3, seeds.all_seeds()) for _ in range(2))
    assert [one.make() for _ in range(200)] == [two.make() for _ in range(200)]
    assert Mutator(4, seeds.all_seeds()).make() != Mutator(3, seeds.all_seeds()).make()
