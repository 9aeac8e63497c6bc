"""What the switch does while database, Redis or good manners are away, and that all is made up for afterwards."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.e2e.office import PASSWORD
from tests.e2e.peers import FRENCH, Customer, Peers
from tests.e2e.platform import Platform, send, wait_for
from tests.e2e.rubbish import rubbish
from tests.e2e.test_calls import refused
from tests.sip.peers import sipp
from voip.demo.phone import Phone, PhoneError

pytestmark = pytest.mark.integration

DIDS = {"frozen": "+12125550197", "gone": "+12125550198"}


@contextmanager
def frozen(platform: Platform, name: str) -> Iterator[None]:
    """Let a server answer nobody, as a full disk or a dead network does it."""
    children = platform.family(name)
    for pid in children:
        send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(children):
            send(pid, signal.SIGCONT)


@contextmanager
def gone(platform: Platform, name: str) -> Iterator[None]:
    """Let a server be dead, and the supervisor too busy to start another."""
    supervisor = platform.supervisor_pid()
    send(supervisor, signal.SIGSTOP)
    pid = platform.signal(name, signal.SIGKILL)
    try:
        yield
    finally:
        send(supervisor, signal.SIGCONT)
        wait_for(f"{name} back", lambda: platform.is_ready(name, pid))


def talk(peers: Peers, customer: Customer) -> None:
    """Call from line to line."""
    phone = peers.phone(customer.user("101"), sipp.answer())
    peers.caller(customer.user("100"), sipp.call("101", 200)).wait()
    phone.wait()


def is_let_in(platform: Platform, user: str, password: str) -> bool:
    """Tell whether a phone may register now."""
    phone = Phone(platform.sip, sipp.REALM, user, password)
    try:
        phone.register(0)
    except PhoneError:
        return False
    finally:
        phone.close()
    return True


@pytest.mark.parametrize("away", [frozen, gone])
def test_calls_go_on_while_the_database_is_away(
    peers: Peers, platform: Platform, away: Callable[[Platform, str], AbstractContextManager[None]]
) -> None:
    customer = peers.customer()
    number = DIDS[away.__name__]
    platform.ask("give_number", number=number, tenant=customer.tenant, line=customer.lines[customer.user("101")])
    knocking = sipp.open_call(number, 0)
    phone = peers.phone(customer.user("101"), sipp.answer())
    wait_for("the number is known", lambda: not peers.peer("carrier", knocking, peers.trunk).fails())
    phone.wait()
    peers.records(customer, 1)
    told = platform.log("sipnode").count("calls that cost money are refused")
    stuck = platform.log("cdrloader").count("they wait in the spool")
    with away(platform, "postgres"):
        for _ in range(3):
            peers.caller(customer.user("100"), refused(FRENCH, 503)).wait()
        talk(peers, customer)
        phone = peers.phone(customer.user("101"), sipp.answer())
        peers.peer("carrier", knocking, peers.trunk).wait()
        phone.wait()
    # The supervisor, stopped or not, writes the logs in its own time.
    wait_for("the node told", lambda: platform.log("sipnode").count("calls that cost money are refused") > told)
    records = peers.records(customer, 6)
    if away is gone:
        wait_for("the loader told", lambda: platform.log("cdrloader").count("they wait in the spool") > stuck)
    assert platform.log("sipnode").count("calls that cost money are refused") == told + 1
    assert platform.log("cdrloader").count("they wait in the spool") <= stuck + 1
    assert sorted(record["sip_status"] for record in records) == [200, 200, 200, 503, 503, 503]
    assert sorted(record["direction"] for record in records) == ["inbound"] * 2 + ["internal"] + ["outbound"] * 3
    assert peers.charges(customer) == []
    carrier = peers.carrier(sipp.answer(), calls=1)
    wait_for(
        "calls that cost money go on", lambda: not peers.caller(customer.user("100"), sipp.call(FRENCH, 50)).fails()
    )
    carrier.wait()
    wait_for("the call is charged", lambda: len(peers.charges(customer)) == 1)
    assert platform.ask("check_books") > 0


def test_calls_and_registrations_go_on_while_redis_is_away(peers: Peers, platform: Platform) -> None:
    customer = peers.customer()
    told = platform.log("sipnode").count("Redis is away, registrations stay in memory")
    with frozen(platform, "redis"):
        talk(peers, customer)
        carrier = peers.carrier(sipp.answer())
        peers.caller(customer.user("100"), sipp.call(FRENCH, 50)).wait()
        carrier.wait()
        wait_for(
            "it is told", lambda: platform.log("sipnode").count("Redis is away, registrations stay in memory") > told
        )
        peers.records(customer, 2)
        place = peers.free_place()
        peers.peer("register", sipp.register(), place, user=customer.user("101")).wait()
    assert platform.log("sipnode").count("Redis is away, registrations stay in memory") == told + 1
    wait_for("Redis is used again", lambda: "Redis is back, registrations are written again" in platform.log("sipnode"))
    platform.kill("sipnode")
    phone = peers.peer("phone", sipp.answer(), place)
    peers.caller(customer.user("100"), sipp.call("101", 50)).wait()
    phone.wait()
    assert [record["sip_status"] for record in peers.records(customer, 3)] == [200, 200, 200]


def test_what_the_back_office_changes_holds_on_the_running_node(peers: Peers, platform: Platform) -> None:
    customer = peers.customer()
    user = customer.user("100")
    pid = platform.pid("sipnode")
    assert is_let_in(platform, user, PASSWORD)
    platform.ask("block_line", line=customer.lines[user])
    wait_for("a blocked line is refused", lambda: not is_let_in(platform, user, PASSWORD))
    platform.ask("unblock_line", line=customer.lines[user])
    wait_for("it is let in again", lambda: is_let_in(platform, user, PASSWORD))
    newcomer = f"{customer.name}new"
    assert not is_let_in(platform, newcomer, PASSWORD)
    platform.ask("create_line", tenant=customer.tenant, username=newcomer, extension="150")
    wait_for("a new line is let in", lambda: is_let_in(platform, newcomer, PASSWORD))
    platform.ask("change_extension", line=customer.lines[customer.user("101")], extension="199")
    place = peers.free_place()
    peers.peer("register", sipp.register(), place, user=customer.user("101")).wait()
    phone = peers.peer("phone", sipp.answer(), place)
    wait_for("its extension rings", lambda: not peers.caller(user, sipp.call("199", 50)).fails())
    phone.wait()
    assert platform.pid("sipnode") == pid


def test_a_flood_of_rubbish_leaves_the_node_serving(peers: Peers, platform: Platform) -> None:
    customer = peers.customer()
    pid, log = platform.pid("sipnode"), len(platform.log("sipnode"))
    dice = random.Random(20261123)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((platform.host, 0))
        for number in range(5_000):
            sender.sendto(rubbish(dice, number), platform.sip)
    with socket.create_connection(platform.sip) as stream:
        stream.sendall(dice.randbytes(100_000))
    talk(peers, customer)
    assert len(peers.records(customer, 1)) == 1
    assert platform.pid("sipnode") == pid
    assert [line for line in platform.log("sipnode")[log:].splitlines() if "ERROR" in line or "Traceback" in line] == []
