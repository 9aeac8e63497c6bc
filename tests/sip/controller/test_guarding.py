"""Switch and guard together: what a request turns out to be decides whether its source is heard again."""

from __future__ import annotations

from sip.controller import limits
from sip.stack import digest
from sip.stack.digest import Challenge
from sip.stack.flow import Flow
from sip.stack.guard.guard import Guard
from sip.stack.message import Request, Response, parse_message
from tests.fuzz import seeds
from tests.sip.controller.business import REALM, FakePolicy, directory, line, trunk
from tests.sip.controller.network import SWITCH, Network, alice_and_bob

SCANNER = ("198.51.100.66", 5071)
OFFICE = ("198.51.100.70", 5060)


class GuardedNetwork(Network):
    """A switch whose guard hears first, as the pump has it."""

    @property
    def guard(self) -> Guard:
        return self.switch._core.guard

    def start(self) -> None:
        super().start()
        taken = self.endpoint.receive_datagram

        def receive(data: bytes, flow: Flow, now: float) -> None:
            if self.guard.admit(data, flow, now).passes:
                taken(data, flow, now)

        self.receive = receive

    def answers(self, data: bytes, source: tuple[str, int]) -> list[Response]:
        """Return what one datagram is answered."""
        before = len(self.sent)
        self.receive(data, Flow("UDP", SWITCH, source), self.now)
        self.run()
        found = [parse_message(item.data) for item in self.sent[before:] if item.source == "switch"]
        return [message for message in found if isinstance(message, Response)]


def make_network(policy: FakePolicy | None = None) -> GuardedNetwork:
    lines = [line(number, f"u{number}") for number in range(1, 21)]
    return GuardedNetwork(directory(*lines, trunk(9, "203.0.113.9")), policy)


def request(method: str, number: int, user: str, *rows: tuple[str, str], dialled: str = "102") -> bytes:
    to = user if method == "REGISTER" else dialled
    uri = f"sip:{REALM}" if method == "REGISTER" else f"sip:{dialled}@{REALM}"
    made = Request(method, uri, [
        ("Via", f"SIP/2.0/UDP 198.51.100.66:5071;branch=z9hG4bKg{method}{user}{number};rport"), ("Max-Forwards", "70"),
        ("From", f"<sip:{user}@{REALM}>;tag=f{number}"), ("To", f"<sip:{to}@{REALM}>"), ("Call-ID", f"g{user}{number}"),
        ("CSeq", f"1 {method}"), ("Contact", f"<sip:{user}@198.51.100.66:5071>"), ("User-Agent", "phone/1.0"), *rows,
    ], b"v=0\r\n" * 20)  # fmt: skip
    return bytes(made)


def with_password(network: GuardedNetwork, number: int, user: str, password: str, source: tuple[str, int]) -> int:
    """Register with a password; returns the last status."""
    [challenged] = network.answers(request("REGISTER", 2 * number, user), source)
    challenge = Challenge.parse(challenged.get("WWW-Authenticate") or "")
    ha1 = digest.make_ha1("MD5", user, REALM, password)
    made = digest.answer(challenge, "REGISTER", f"sip:{REALM}", user, ha1, "cnonce")
    answers = network.answers(request("REGISTER", 2 * number + 1, user, ("Authorization", str(made))), source)
    return answers[-1].status if answers else 0


def heard(network: GuardedNetwork, requests: list[bytes]) -> int:
    """Send requests a tenth of a second apart; returns how many were answered."""
    count = 0
    for data in requests:
        count += bool(network.answers(data, SCANNER))
        network.advance(0.1)
    return count


def test_a_scanner_for_users_hears_at_most_ten_answers_and_then_nothing() -> None:
    network = make_network()
    assert heard(network, [request("REGISTER", number, f"{100 + number}") for number in range(100)]) <= 10
    assert network.guard.is_banned(SCANNER[0], network.now)


def test_a_scanner_for_numbers_hears_at_most_ten_answers_and_then_nothing() -> None:
    network = make_network()
    calls = [request("INVITE", number, "100", dialled=f"9{number:03}441234567890") for number in range(100)]
    assert heard(network, calls) <= 10
    assert network.policy.screened == []


def test_a_scanner_that_asks_for_what_there_is_not_hears_at_most_ten_answers() -> None:
    for method in ("REGISTER", "OPTIONS", "FROB", "BYE"):
        network = make_network()
        requests = [
            request(method, number, "u1").replace(b"sip:trunkline.test SIP", b"sip:elsewhere.example SIP")
            for number in range(60)
        ]
        answered = heard(network, requests)
        assert answered <= 10 or method == "OPTIONS", method


def test_a_tool_that_names_itself_is_banned_sooner() -> None:
    network = make_network()
    calls = [request("REGISTER", number, f"{number}", ("User-Agent", "friendly-scanner")) for number in range(20)]
    calls = [call.replace(b"User-Agent: phone/1.0\r\n", b"") for call in calls]
    assert heard(network, calls) <= 3


def test_who_guesses_a_password_is_banned_within_ten_requests() -> None:
    network = make_network()
    statuses = []
    for number in range(5):
        statuses.append(with_password(network, number, "u1", f"guess{number}", SCANNER))
        network.advance(0.1)
    assert statuses == [403] * 5
    assert network.answers(request("REGISTER", 99, "u1"), SCANNER) == []


def test_an_office_of_twenty_phones_registers_at_once_and_one_of_them_may_fail_again_and_again() -> None:
    network = make_network()
    for number in range(1, 20):
        assert with_password(network, 0, f"u{number}", f"pw-u{number}", OFFICE) == 200
    for number in range(1, 100):
        assert with_password(network, number, "u20", "wrong", OFFICE) == 403
        if number % 60 == 0:
            assert with_password(network, number, "u1", "pw-u1", OFFICE) == 200
        network.advance(0.6)
    assert not network.guard.is_banned(OFFICE[0], network.now)


def test_a_trunk_that_calls_fifty_numbers_nobody_has_is_not_banned() -> None:
    network = make_network()
    for number in range(50):
        answers = network.answers(
            request("INVITE", number, f"0{number}", dialled=f"0999{number}"), ("203.0.113.9", 5060)
        )
        assert answers[-1].status == 404
    assert not network.guard.is_banned("203.0.113.9", network.now)


def test_a_new_trunk_is_known_to_the_guard_at_once_and_one_taken_away_no_more() -> None:
    network = make_network()
    for _ in range(3):
        heard(network, [request("REGISTER", number, f"{100 + number}") for number in range(20)])
    assert network.guard.is_banned(SCANNER[0], network.now)
    network.switch.directory = directory(trunk(1, SCANNER[0], source_addresses=(f"{SCANNER[0]}:5071",)))
    assert not network.guard.is_banned(SCANNER[0], network.now)
    network.switch.directory = directory()
    heard(network, [request("REGISTER", number, f"{100 + number}") for number in range(20)])
    assert network.guard.is_banned(SCANNER[0], network.now)


def test_calls_of_registered_phones_leave_no_points() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    for _ in range(5):
        alice.call("102")
        network.advance(1.0)
        assert alice.statuses[-1] == 200
        alice.hang_up()
        network.advance(1.0)
    guard = network.switch._core.guard
    assert (guard.points("192.0.2.10"), guard.points("192.0.2.20")) == (0.0, 0.0)
    assert guard.knows(Flow("UDP", SWITCH, ("192.0.2.10", 5060)), network.now)


def test_one_call_too_many_for_the_node_gets_503_and_an_emergency_does_not() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180,)
    core = network.switch._core
    alice.call("102")
    network.advance(0.5)
    [call] = core.calls.values()
    for number in range(limits.CALLS_MAX):
        core.calls[f"other{number}"] = call
    alice.call("102")
    network.advance(0.5)
    assert alice.statuses[-1] == 503
    network.policy.is_emergency = True
    alice.call("102")
    network.advance(0.5)
    assert alice.statuses[-1] == 180


def test_seeds_are_what_the_switch_takes_for_requests() -> None:
    network = make_network()
    for method in seeds.METHODS:
        if method not in ("ACK", "CANCEL"):
            assert network.answers(seeds.request(method), OFFICE), method
