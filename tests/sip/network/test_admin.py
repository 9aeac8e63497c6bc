"""The network's admin pages, as an operator uses them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import format_html

from sip import extensions, services, trunk_states
from sip.cdr.record import CallRecord
from sip.extensions import CallFact, register_call_fact
from sip.models import Line, QuarantinedFrame, Route, Trunk
from sip.services import digest
from tenants.choices import Role
from tenants.models import User
from tests.sip.cdr.samples import record
from tests.sip.network.conftest import Network

Load = Callable[[Sequence[CallRecord]], None]


def client_of(network: Network, role: Role) -> Client:
    user = User.objects.create_user(f"{role}@trunkco.example", "correct horse", tenant=network.trunkco, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(network: Network) -> Client:
    return client_of(network, Role.OPERATOR_ADMIN)


def page(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())


LINE = {"extension": "200", "display_name": "Desk", "caller_number": "", "contacts_max": 5, "calls_max": 2}


def test_a_new_lines_password_is_shown_once(network: Network, admin: Client) -> None:
    form = LINE | {"tenant": network.bob.pk, "username": "", "is_active": "on"}
    response = admin.post("/admin/sip/line/add/", form)
    found = re.search(r"data-secret>([^<]+)<", page(response))
    assert found is not None
    line = Line.objects.get(username="bob-200")
    assert line.ha1_md5 == digest("md5", "bob-200", line.realm, found[1])
    assert response["Cache-Control"].startswith("no-store")
    assert found[1] not in page(admin.get(f"/admin/sip/line/{line.pk}/change/"))


def test_a_wrong_line_shows_its_error_beside_the_field(network: Network, admin: Client) -> None:
    form = LINE | {"tenant": network.bob.pk, "username": "", "extension": "911", "is_active": "on"}
    assert "911 is an emergency number in US." in page(admin.post("/admin/sip/line/add/", form))
    taken = LINE | {"tenant": network.bob.pk, "username": "alice"}
    assert "This username is taken." in page(admin.post("/admin/sip/line/add/", taken))
    assert Line.objects.count() == 2


def test_a_line_is_changed(network: Network, admin: Client) -> None:
    path = f"/admin/sip/line/{network.bob_line.pk}/change/"
    response = admin.post(path, LINE | {"extension": "100", "is_active": "on"})
    assert response.status_code == 302
    line = Line.objects.get(pk=network.bob_line.pk)
    assert (line.display_name, line.calls_max, line.ha1_md5) == ("Desk", 2, network.bob_line.ha1_md5)


def test_a_line_is_blocked_with_a_reason_and_unblocked(network: Network, admin: Client) -> None:
    path = f"/admin/sip/line/{network.bob_line.pk}"
    assert admin.get(f"{path}/block/").status_code == 200
    assert not Line.objects.blocked().exists()
    admin.post(f"{path}/block/", {"reason": "owes money", "_form_submitted": "True"})
    assert Line.objects.blocked().get().blocked_reason == "owes money"
    assert "owes money" in page(admin.get(f"{path}/change/"))
    admin.post(f"{path}/unblock/", {"_form_submitted": "True"})
    assert not Line.objects.blocked().exists()


def test_a_new_password_is_shown_in_the_dialog_and_goes_through_no_cookie(network: Network, admin: Client) -> None:
    path = f"/admin/sip/line/{network.bob_line.pk}/new-password/"
    assert "data-secret" not in page(admin.get(path))
    response = admin.post(path, {"_form_submitted": "True"})
    found = re.search(r"data-secret>([^<]+)<", page(response))
    assert found is not None
    line = Line.objects.get(pk=network.bob_line.pk)
    assert line.ha1_md5 == digest("md5", "bob", line.realm, found[1])
    assert found[1] not in str(admin.cookies)


def test_the_list_of_lines_says_who_is_registered(network: Network, admin: Client) -> None:
    text = page(admin.get("/admin/sip/line/"))
    assert "alice" in text
    assert "bob" in text


def test_a_trunk_is_made_for_the_operator(network: Network, admin: Client) -> None:
    form = {
        "name": "Second",
        "host": "192.0.2.11",
        "port": 5060,
        "transport": "udp",
        "source_addresses": "192.0.2.12\n192.0.2.13:5070",
        "calls_max": 10,
        "country": "US",
        "is_active": "on",
        "ping_interval_s": 0,
        "auth_username": "us",
        "auth_realm": "them",
        "password": "secret",
        "routes-TOTAL_FORMS": 0,
        "routes-INITIAL_FORMS": 0,
    }
    assert admin.post("/admin/sip/trunk/add/", form).status_code == 302
    trunk = Trunk.objects.get(name="Second")
    assert trunk.source_addresses == ["192.0.2.12", "192.0.2.13:5070"]
    assert (trunk.tenant_id, trunk.ha1_md5) == (network.trunkco.pk, digest("md5", "us", "them", "secret"))
    path = f"/admin/sip/trunk/{trunk.pk}/change/"
    assert "192.0.2.13:5070" in page(admin.get(path))
    assert admin.post(path, form | {"password": "", "calls_max": 20}).status_code == 302
    trunk.refresh_from_db()
    assert (trunk.calls_max, trunk.ha1_md5) == (20, digest("md5", "us", "them", "secret"))


def test_the_list_of_trunks_says_where_each_leads(network: Network, admin: Client) -> None:
    services.create_trunk(network.trunkco, name="Named", host="sip.carrier.example", transport="")
    services.create_trunk(network.trunkco, name="Numbers", enum_suffix="e164.arpa", transport="")
    text = page(admin.get("/admin/sip/trunk/"))
    assert "sip.carrier.example" in text
    assert "where its name leads" in text
    assert "ENUM below e164.arpa" in text


def test_the_list_of_trunks_says_which_do_not_answer(network: Network, admin: Client, redis_url: str) -> None:
    assert "No answer" not in page(admin.get("/admin/sip/trunk/"))
    with redis.Redis.from_url(redis_url) as client:
        client.hset(trunk_states.KEY, "n1", trunk_states.state_of([network.trunk.pk], time.time()))
        client.hset(trunk_states.KEY, "n2", "garbage")
    assert "No answer" in page(admin.get("/admin/sip/trunk/"))


def test_what_a_node_told_a_while_ago_says_nothing_of_a_trunk(redis_url: str) -> None:
    now = time.time()
    with redis.Redis.from_url(redis_url) as client:
        client.hset(trunk_states.KEY, "n1", trunk_states.state_of([1, 2], now))
        client.hset(trunk_states.KEY, "n2", trunk_states.state_of([2], now))
    assert trunk_states.nodes_without(now) == {1: ["n1"], 2: ["n1", "n2"]}
    assert trunk_states.nodes_without(now + trunk_states.KEPT_S) == {}


def test_without_redis_trunks_are_shown_as_they_are(network: Network, admin: Client, settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    assert trunk_states.nodes_without(0.0) is None
    assert "In service" in page(admin.get("/admin/sip/trunk/"))


def test_a_wrong_trunk_shows_its_error(network: Network, admin: Client) -> None:
    form = {"name": "Second", "host": "192.0.2.10", "port": 5060, "transport": "udp", "calls_max": 10, "country": "US"}
    form |= {"routes-TOTAL_FORMS": 0, "routes-INITIAL_FORMS": 0}
    assert "is already a source of trunk Carrier" in page(admin.post("/admin/sip/trunk/add/", form))
    assert "is neither an IP address" in page(admin.post("/admin/sip/trunk/add/", form | {"source_addresses": "x"}))


def test_a_route_is_made(network: Network, admin: Client) -> None:
    form = {"prefix": "44", "trunk": network.trunk.pk, "priority": 5, "is_active": "on"}
    assert admin.post("/admin/sip/route/add/", form).status_code == 302
    assert Route.objects.get(prefix="44").tenant_id == network.trunkco.pk
    assert "every number" in page(admin.get("/admin/sip/route/"))


@pytest.fixture
def calls(network: Network, load: Load) -> list[CallRecord]:
    trunk_id = network.trunk.pk
    answered = record(tenant_id=network.alice.pk, a_line_id=network.alice_line.pk, b_trunk_id=trunk_id)
    refused = record(
        tenant_id=network.bob.pk,
        caller="+15550100",
        answered_at=None,
        duration_s=0.0,
        sip_status=403,
        sip_reason="Forbidden",
        refusal_code="fraud.destination",
        attempts=(),
    )
    load([answered, refused])
    return [answered, refused]


@pytest.fixture
def price() -> Iterator[None]:
    before = dict(extensions._facts)
    register_call_fact(
        CallFact(
            name="charge",
            label="Price",
            lookup=lambda found: {call.call_id: "1.25 USD" for call in found if call.answered_at},
            text=lambda value: format_html("<b>{}</b>", value),
            schema={"type": "string"},
        )
    )
    yield
    extensions._facts.clear()
    extensions._facts.update(before)


def test_calls_are_listed_as_a_person_reads_them(
    network: Network, calls: list[CallRecord], price: None, admin: Client
) -> None:
    text = page(admin.get("/admin/sip/call/"))
    for shown in ("Answered", "Refused", "1:00", "403 Forbidden", "fraud: destination", "<b>1.25 USD</b>", "Price"):
        assert shown in text


def test_a_call_shows_everything_and_its_attempts(
    network: Network, calls: list[CallRecord], price: None, admin: Client
) -> None:
    text = page(admin.get(f"/admin/sip/call/{calls[0].call_id}/change/"))
    for shown in ("Line alice (100)", "Trunk Carrier", "b1@127.0.0.1", "a1@127.0.0.1", "1.00 s", "<b>1.25 USD</b>"):
        assert shown in text


@pytest.mark.parametrize(
    ("query", "count"),
    [("q=33123456789", 1), ("q=%2B15550100", 1), ("q=999", 0), ("status=refused", 1), ("direction=inbound", 0)],
)
def test_calls_are_searched_by_whole_numbers_and_filtered(
    network: Network, calls: list[CallRecord], admin: Client, query: str, count: int
) -> None:
    text = page(admin.get(f"/admin/sip/call/?{query}"))
    assert len(re.findall(r"/admin/sip/call/[0-9a-f-]{36}/change/", text)) >= count
    assert ("+15550100" in text) == (query in {"q=%2B15550100", "status=refused"}) or count == 0


def test_a_call_is_found_by_its_id(network: Network, calls: list[CallRecord], admin: Client) -> None:
    assert "fraud: destination" in page(admin.get(f"/admin/sip/call/?q={calls[1].call_id}"))


def test_the_list_of_calls_takes_few_statements(network: Network, calls: list[CallRecord], admin: Client) -> None:
    admin.get("/admin/sip/call/")
    with CaptureQueriesContext(connection) as queries:
        admin.get("/admin/sip/call/")
    assert len([query for query in queries if "sip_call" in query["sql"]]) <= 3


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_nobody_adds_or_deletes_calls(network: Network, calls: list[CallRecord], admin: Client, path: str) -> None:
    assert admin.get(f"/admin/sip/call/{path.format(calls[0].call_id)}").status_code == 403


def test_what_could_not_be_loaded_is_shown_as_text(network: Network, admin: Client) -> None:
    frame = QuarantinedFrame.objects.create(node="n", segment=1, offset=7, reason="damaged", payload=b'{"t":<b>\xff')
    text = page(admin.get(f"/admin/sip/quarantinedframe/{frame.pk}/change/"))
    assert "{&quot;t&quot;:&lt;b&gt;\\xff" in text


def test_finance_looks_at_lines_and_changes_none(network: Network) -> None:
    client = client_of(network, Role.OPERATOR_FINANCE)
    assert client.get("/admin/sip/line/").status_code == 200
    assert client.get("/admin/sip/line/add/").status_code == 403
    assert client.post(f"/admin/sip/line/{network.bob_line.pk}/block/", {"reason": "x"}).status_code == 403
    assert not Line.objects.blocked().exists()
