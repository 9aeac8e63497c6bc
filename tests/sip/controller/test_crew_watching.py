"""Workers of one node: the first knows who watches, the others tell it how their calls and mailboxes stand."""

from __future__ import annotations

import pytest

from sip.stack.bodies.message_summary import Counts, Summary
from sip.stack.bodies.xml import parse
from sip.stack.ownership import owner_of
from tests.sip.controller.network import Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.test_crew import Crew, crew_of
from tests.sip.controller.test_crew import registered as registering
from tests.sip.controller.watching import Watch, subscribe


def registered(network: Network, username: str, host: str) -> Phone:
    phone = registering(network, username, host)
    network.run()
    return phone


def told(watch: Watch) -> list[list[tuple[str, str]]]:
    """Return, of each NOTIFY, state and event of its dialogs."""
    documents = [parse(notify.body).children for notify in watch.notifies]
    return [
        [(dialog.children[0].text, dialog.children[0].attribute("event")) for dialog in document]
        for document in documents
    ]


def watching(crew: Crew, event: str = "dialog", user: str = "102") -> Watch:
    """Let alice watch bob at the first worker."""
    network = crew.networks[0]
    watch = subscribe(network, registered(network, "alice", "192.0.2.10"), user, event)
    crew.run()
    return watch


@pytest.mark.parametrize("method", [b"SUBSCRIBE", b"PUBLISH", b"NOTIFY"])
def test_what_is_about_watching_goes_to_the_first_worker(method: bytes) -> None:
    head = method + b" sip:102@x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKk1\r\nTo: <sip:102@x>\r\n\r\n"
    assert owner_of(head) == 0
    inside = head.replace(b"To: <sip:102@x>", b"To: <sip:102@x>;tag=h" + b"0" * 20)
    assert owner_of(inside) == 2
    assert owner_of(head.replace(method, b"MESSAGE")) is None


def test_a_call_at_another_worker_lights_the_lamp() -> None:
    crew = crew_of(3)
    watch = watching(crew)
    network = crew.networks[2]
    bob = registered(network, "bob", "192.0.2.20")
    carol = registered(network, "carol", "192.0.2.30")
    crew.advance(2.0)
    carol.call("102")
    network.run()
    crew.advance(2.0)
    bob.pick_up()
    network.run()
    crew.advance(2.0)
    carol.hang_up()
    network.run()
    crew.advance(2.0)
    states = [document for document in told(watch) if document]
    assert states[-2:] == [[("confirmed", "")], [("terminated", "remote-bye")]]
    package = crew.networks[0].core.events.packages["dialog"]
    assert package.lines == {"bob": {}}  # type: ignore[attr-defined]


def test_a_call_that_is_up_at_another_worker_is_told_to_who_begins_to_watch() -> None:
    crew = crew_of(2)
    network = crew.networks[1]
    bob = registered(network, "bob", "192.0.2.20")
    carol = registered(network, "carol", "192.0.2.30")
    bob.on_invite = (180, 200)
    carol.call("102")
    network.run()
    crew.advance(2.0)
    watch = watching(crew)
    crew.advance(2.0)
    assert told(watch) == [[], [("confirmed", "")]]


def test_when_nobody_watches_any_more_no_worker_looks_at_calls() -> None:
    crew = crew_of(2)
    watch = watching(crew)
    assert [network.core.call_watch is None for network in crew.networks] == [False, False]
    watch.refresh(0)
    crew.run()
    assert [network.core.call_watch is None for network in crew.networks] == [True, True]


def test_a_worker_that_died_takes_its_lamps_with_it_and_hears_again_what_is_watched() -> None:
    crew = crew_of(2)
    watch = watching(crew)
    crew.advance(2.0)
    network = crew.networks[1]
    registered(network, "bob", "192.0.2.20")
    carol = registered(network, "carol", "192.0.2.30")
    carol.call("102")
    network.run()
    crew.advance(3.0)
    crew.advance(2.0)
    assert told(watch)[-1] == [("early", "")]
    crew.restart(1)
    crew.advance(3.0)
    assert told(watch)[-1] == [("terminated", "error")]
    assert network.core.call_watch is not None


def test_a_first_worker_that_begins_anew_lets_the_others_stop_looking() -> None:
    crew = crew_of(2)
    watching(crew)
    crew.restart(0)
    assert crew.networks[1].core.call_watch is None


def test_a_registration_at_another_worker_is_presence_at_the_first() -> None:
    crew = crew_of(2)
    watch = watching(crew, "presence")
    crew.advance(6.0)
    registered(crew.networks[1], "bob", "192.0.2.20")
    crew.run()
    crew.advance(1.0)
    assert ["open" in body for body in watch.bodies] == [False, True]


def test_a_mailbox_set_at_another_worker_is_told_by_the_first() -> None:
    crew = crew_of(2)
    watch = watching(crew, "message-summary")
    crew.advance(2.0)
    crew.networks[1].switch.set_mailbox("bob", Summary.of({"voice-message": Counts(3, 1)}))
    crew.run()
    crew.advance(1.0)
    assert "Voice-Message: 3/1 (0/0)" in watch.bodies[-1]
    crew.networks[1].switch.set_mailbox("bob", None)
    crew.run()
    crew.advance(2.0)
    assert watch.bodies[-1].startswith("Messages-Waiting: no")


@pytest.mark.parametrize(
    "news", [{}, {"line": "bob"}, {"line": "bob", "dialog": []}, {"line": "bob", "dialog": ["x"] * 9}, {"line": 1}]
)
def test_nonsense_from_a_sibling_changes_nothing(news: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    crew = crew_of(2)
    watch = watching(crew)
    crew.seats[1].tell("lamp", news, 0)
    crew.run()
    crew.advance(2.0)
    assert len(watch.notifies) == 1
    assert "cannot be read" in caplog.text
