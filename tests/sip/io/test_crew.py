"""Workers of one node in one process: links, hand-over, and streams that a sibling holds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from sip.io import links as links_module
from sip.io.binding import GivenSockets, OwnSockets
from sip.io.crew import CONNECTION_STEP, Crew, Membership
from sip.io.links import Links, make_links
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.ownership import mark_of

LOCAL, REMOTE = ("192.0.2.1", 5060), ("192.0.2.9", 5070)
UDP = Flow("UDP", LOCAL, REMOTE)
HEX = "0123456789abcdef0123"
HOST = "127.0.0.36"


def bye(worker: int, method: str = "BYE") -> bytes:
    return f"{method} sip:x SIP/2.0\r\nTo: <sip:a@b>;tag={mark_of(worker)}{HEX}\r\n\r\n".encode()


CANCEL = b"CANCEL sip:x SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n"


@dataclass
class Outlet:
    """A transport that writes down what it carries."""

    sent: list[tuple[Flow, bytes]] = field(default_factory=list)
    works: bool = True

    def send(self, flow: Flow, data: bytes) -> bool:
        """Note it."""
        self.sent.append((flow, data))
        return self.works

    def find(self, flow: Flow) -> Outlet:
        """Return itself: it carries every flow."""
        return self


@dataclass
class Worker:
    """One worker: its crew, and what reached it."""

    crew: Crew
    outlet: Outlet
    taken: list[tuple[bytes, Flow]] = field(default_factory=list)
    failures: list[Flow] = field(default_factory=list)
    refusals: list[tuple[int, Flow]] = field(default_factory=list)
    turns: int = 0
    has_invite: bool = False

    def take(self, data: bytes, flow: Flow) -> None:
        """Note a message."""
        self.taken.append((data, flow))

    def failed(self, flow: Flow) -> None:
        """Note a failure, and tell of it as the pump does."""
        self.failures.append(flow)
        self.crew.stream_failed(flow)

    def refuse(self, error: RemoteProtocolError, flow: Flow) -> None:
        """Note a refusal."""
        assert error.request_head is not None
        self.refusals.append((error.status, flow))

    def turn(self) -> None:
        """Count."""
        self.turns += 1

    def feed(self, data: bytes, flow: Flow = UDP) -> None:
        """Take a message from the network as the pump does."""
        if not self.crew.diverts(data, flow):
            self.take(data, flow)


@pytest_asyncio.fixture
async def crew() -> AsyncIterator[list[Worker]]:
    """Three workers."""
    loop = asyncio.get_running_loop()
    workers: list[Worker] = []
    for number, links in enumerate(make_links(3)):
        outlet = Outlet()
        member = Membership(number, 3, links, GivenSockets({}))

        def knows(data: bytes, number: int = number) -> bool:
            return workers[number].has_invite

        workers.append(Worker(Crew(loop, member, outlet, knows), outlet))
    for worker in workers:
        worker.crew.start(worker)
    yield workers
    for worker in workers:
        worker.crew.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait up to three seconds."""
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


@pytest.mark.asyncio
async def test_a_message_of_a_sibling_reaches_it_with_its_flow_and_nobody_else(crew: list[Worker]) -> None:
    flow = Flow("TCP", LOCAL, REMOTE, 4 * CONNECTION_STEP)
    crew[0].feed(bye(2), flow)
    await until(lambda: bool(crew[2].taken))
    assert crew[2].taken == [(bye(2), flow)]
    assert (crew[0].taken, crew[1].taken) == ([], [])
    assert crew[2].turns == 1
    assert crew[0].crew.diverted == 1


@pytest.mark.asyncio
async def test_messages_handed_over_keep_their_order_and_share_a_packet(crew: list[Worker]) -> None:
    messages = [bye(1) + str(number).encode() for number in range(200)]
    for message in messages:
        crew[0].feed(message)
    await until(lambda: len(crew[1].taken) == 200)
    assert [data for data, _ in crew[1].taken] == messages
    assert crew[1].turns == 1


@pytest.mark.asyncio
async def test_a_cancel_goes_around_until_its_invite_is_found(crew: list[Worker]) -> None:
    crew[0].has_invite = True
    crew[1].feed(CANCEL)
    await until(lambda: bool(crew[0].taken))
    assert [len(worker.taken) for worker in crew] == [1, 0, 0]


@pytest.mark.asyncio
async def test_a_cancel_that_nobody_knows_is_taken_once_by_the_last_one_asked(crew: list[Worker]) -> None:
    crew[1].feed(CANCEL)
    await until(lambda: bool(crew[0].taken))
    assert crew[0].taken == [(CANCEL, UDP)]
    assert [len(worker.taken) for worker in crew] == [1, 0, 0]


@pytest.mark.asyncio
async def test_without_room_a_datagram_is_dropped_and_a_request_of_a_stream_refused(
    crew: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links_module, "LINK_QUEUE_BYTES_MAX", 10)
    rows = f"Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag={mark_of(1)}{HEX}\r\n"
    data = f"BYE sip:x SIP/2.0\r\n{rows}Call-ID: 1\r\nCSeq: 2 BYE\r\n\r\n".encode()
    stream = Flow("TCP", LOCAL, REMOTE, CONNECTION_STEP)
    crew[0].feed(data)
    crew[0].feed(data, stream)
    await asyncio.sleep(0.02)
    assert crew[0].refusals == [(503, stream)]
    assert [worker.taken for worker in crew] == [[], [], []]


@pytest.mark.asyncio
async def test_what_leaves_by_a_siblings_stream_is_sent_by_the_sibling(crew: list[Worker]) -> None:
    flow = Flow("WSS", LOCAL, REMOTE, 7 * CONNECTION_STEP + 2)
    sender = crew[0].crew.find(flow)
    assert sender is not None
    assert sender.send(flow, b"x")
    await until(lambda: bool(crew[2].outlet.sent))
    assert crew[2].outlet.sent == [(flow, b"x")]
    assert crew[0].outlet.sent == []


@pytest.mark.asyncio
async def test_datagrams_new_streams_and_own_streams_leave_by_the_workers_own_sockets(crew: list[Worker]) -> None:
    for flow in (UDP, Flow("TCP", LOCAL, REMOTE), Flow("TCP", LOCAL, REMOTE, 7 * CONNECTION_STEP)):
        assert crew[0].crew.find(flow) is crew[0].outlet


@pytest.mark.asyncio
async def test_a_stream_that_its_holder_has_no_more_fails_where_it_was_used(crew: list[Worker]) -> None:
    crew[2].outlet.works = False
    flow = Flow("TCP", LOCAL, REMOTE, 7 * CONNECTION_STEP + 2)
    sender = crew[0].crew.find(flow)
    assert sender is not None
    sender.send(flow, b"x")
    await until(lambda: bool(crew[0].failures))
    assert crew[0].failures == [flow]
    assert crew[1].failures == []


@pytest.mark.asyncio
async def test_the_end_of_a_stream_is_told_to_all_siblings_once(crew: list[Worker]) -> None:
    flow = Flow("TCP", LOCAL, REMOTE, 7 * CONNECTION_STEP + 1)
    crew[1].crew.stream_failed(flow)
    await until(lambda: bool(crew[0].failures and crew[2].failures))
    await asyncio.sleep(0.02)
    assert [worker.failures for worker in crew] == [[flow], [], [flow]]


@pytest.mark.asyncio
async def test_a_connection_that_could_not_be_opened_is_nobody_elses_matter(crew: list[Worker]) -> None:
    crew[0].crew.stream_failed(Flow("TCP", LOCAL, REMOTE))
    crew[1].crew.tell("x", {})
    await asyncio.sleep(0.02)
    assert [worker.failures for worker in crew] == [[], [], []]


@pytest.mark.asyncio
async def test_news_reach_all_or_one_by_their_topic() -> None:
    heard: list[tuple[int, int, dict[str, Any]]] = []
    loop = asyncio.get_running_loop()
    made = [
        Crew(loop, Membership(number, 3, links, GivenSockets({})), Outlet(), lambda data: False)
        for number, links in enumerate(make_links(3))
    ]
    for number, one in enumerate(made):

        def hear(sibling: int, news: dict[str, Any], number: int = number) -> None:
            heard.append((number, sibling, news))

        one.on_news("topic", hear)
        one.start(Worker(one, Outlet()))
    made[0].tell("topic", {"a": 1})
    made[1].tell("topic", {"b": 2}, 2)
    made[1].tell("other", {"c": 3})
    made[1].tell("topic", {}, 9)
    await until(lambda: len(heard) == 3)
    assert sorted(heard, key=str) == [(1, 0, {"a": 1}), (2, 0, {"a": 1}), (2, 1, {"b": 2})]
    for one in made:
        one.close()


@pytest.mark.asyncio
async def test_a_sibling_that_talks_nonsense_is_passed_over(
    crew: list[Worker], caplog: pytest.LogCaptureFixture
) -> None:
    links = crew[0].crew._links
    for kind in (0, 1, 2, 3, 4, 5, 99):
        for payload in (b"", b"x", b"\xff\xff", b"topic {", b"UDP a b c d e f\n"):
            links.send(1, kind, payload)
    crew[0].feed(bye(1))
    await until(lambda: bool(crew[1].taken))
    assert crew[1].taken == [(bye(1), UDP)]
    assert "worker 0 sent what cannot be read" in caplog.text


def test_connection_numbers_name_their_worker_and_never_come_twice() -> None:
    first = Membership(2, 3, {}, GivenSockets({})).connection_numbers()
    numbers = [next(first) for _ in range(1000)]
    assert {number % CONNECTION_STEP for number in numbers} == {2}
    assert len(set(numbers)) == 1000


@pytest.mark.asyncio
async def test_what_is_sent_to_a_dead_worker_waits_for_the_next_and_never_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(links_module, "LINK_QUEUE_BYTES_MAX", 100_000)
    sockets = make_links(2)
    loop = asyncio.get_running_loop()
    sender = Links(loop, sockets[0])
    accepted = []
    for number in range(100_000):
        if not sender.send(1, 1, str(number).encode().ljust(1000)):
            break
        accepted.append(number)
        sender.flush()
    assert len(accepted) < 10_000
    assert sender.dropped == 1
    heard: list[int] = []
    successor = Links(loop, {0: sockets[1][0]})
    successor.start(lambda sibling, kind, payload: heard.append(int(payload)), lambda: None)
    await until(lambda: len(heard) == len(accepted))
    assert heard == accepted
    assert sender.send(1, 1, b"7")
    await until(lambda: heard[-1] == 7)
    assert not sender.send(1, 1, bytes(200_000))
    sender.close()
    successor.close()


@pytest.mark.asyncio
async def test_a_link_whose_other_end_is_closed_loses_its_frames_and_nothing_else() -> None:
    sockets = make_links(2)
    sender = Links(asyncio.get_running_loop(), sockets[0])
    sender.start(lambda sibling, kind, payload: None, lambda: None)
    sockets[1][0].close()
    assert sender.send(1, 1, b"x")
    sender.flush()
    await asyncio.sleep(0)
    assert sender.dropped == 1
    sender.close()


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_only_shared_sockets_may_have_an_address_twice(host: str) -> None:
    first = OwnSockets(is_shared=True).datagram(host, 0)
    port = first.getsockname()[1]
    second = OwnSockets(is_shared=True).datagram(host, port)
    with pytest.raises(OSError, match="in use"):
        OwnSockets().datagram(host, port)
    stream = OwnSockets(is_shared=True).stream(host, port)
    for made in (first, second, stream):
        made.close()


def test_a_worker_is_given_what_its_parent_bound_and_nothing_else() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        given = GivenSockets({("datagram", HOST, 5060): bound})
        assert given.datagram(HOST, 5060) is bound
        with pytest.raises(OSError, match="nobody bound"):
            given.datagram(HOST, 5061)
        with pytest.raises(OSError, match="nobody bound"):
            given.stream(HOST, 5060)
