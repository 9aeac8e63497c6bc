"""The network over the API: what each caller sees, what is refused with which field."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import redis
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from sip import extensions
from sip.cdr.record import CallRecord
from sip.extensions import CallFact, register_call_fact
from sip.models import Call, Line, Route, Trunk
from sip.services import block_line, digest
from tenants.choices import Role
from tests.sip.cdr.samples import ANSWERED, record
from tests.sip.network.conftest import Network

Load = Callable[[Sequence[CallRecord]], None]


def fields_at_fault(response: Any) -> list[str]:
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    return [error["field"] for error in response.json()["errors"]]


def usernames(response: Any) -> list[str]:
    return [line["username"] for line in response.json()["results"]]


def test_each_sees_the_lines_in_its_scope(network: Network) -> None:
    assert usernames(network.operator.get("/api/v1/lines/")) == ["alice", "bob"]
    assert usernames(network.ann.get("/api/v1/lines/")) == ["alice"]


def test_a_foreign_line_answers_like_a_missing_one(network: Network) -> None:
    ann = network.ann
    foreign = ann.get(f"/api/v1/lines/{network.bob_line.pk}/")
    missing = ann.get("/api/v1/lines/999999999/")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert {**foreign.json(), "instance": "", "request_id": ""} == {**missing.json(), "instance": "", "request_id": ""}


@pytest.mark.parametrize("path", ["password/", "block/", "unblock/"])
def test_a_foreign_line_cannot_be_acted_upon(network: Network, path: str) -> None:
    assert network.ann.post(f"/api/v1/lines/{network.bob_line.pk}/{path}", {"reason": "x"}).status_code == 404


def test_a_new_line_comes_with_its_password_once(network: Network) -> None:
    response = network.ann.post("/api/v1/lines/", {"extension": "200", "display_name": "Desk"})
    assert response.status_code == 201, response.content
    body = response.json()
    line = Line.objects.get(pk=body["id"])
    assert (body["username"], body["tenant"], len(body["password"])) == ("alice-200", network.alice.pk, 20)
    assert line.ha1_md5 == digest("md5", line.username, line.realm, body["password"])
    again = network.ann.get(f"/api/v1/lines/{line.pk}/").json()
    assert not {"password", "ha1_md5", "ha1_sha256"} & again.keys()


def test_the_operator_makes_a_line_for_a_customer(network: Network) -> None:
    response = network.operator.post("/api/v1/lines/", {"tenant": network.bob.pk, "extension": "201"})
    assert (response.status_code, response.json()["tenant"]) == (201, network.bob.pk)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "bob"}, "username"),
        ({"username": "x" * 65}, "username"),
        ({"extension": "100"}, "extension"),
        ({"extension": "112"}, "extension"),
        ({"caller_number": "12"}, "caller_number"),
        ({"calls_max": 100_000}, "calls_max"),
        ({"ha1_md5": "0" * 32}, "ha1_md5"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_wrong_line_is_refused_with_its_field(network: Network, body: dict[str, Any], field: str) -> None:
    response = network.ann.post("/api/v1/lines/", body)
    assert fields_at_fault(response) == [field]
    assert Line.objects.of(network.alice).count() == 1


def test_what_is_only_read_is_left_as_it_is(network: Network) -> None:
    response = network.ann.post("/api/v1/lines/", {"realm": "elsewhere", "blocked_reason": "none"})
    assert (response.status_code, response.json()["realm"]) == (201, network.alice_line.realm)


def test_a_line_in_a_foreign_tenant_is_refused(network: Network) -> None:
    assert fields_at_fault(network.ann.post("/api/v1/lines/", {"tenant": network.bob.pk})) == ["tenant"]


def test_a_line_is_changed_and_keeps_its_password(network: Network) -> None:
    response = network.ann.patch(f"/api/v1/lines/{network.alice_line.pk}/", {"display_name": "Front", "calls_max": 3})
    assert response.status_code == 200, response.content
    line = Line.objects.get(pk=network.alice_line.pk)
    assert (line.display_name, line.calls_max, line.ha1_md5) == ("Front", 3, network.alice_line.ha1_md5)


def test_a_username_cannot_be_changed(network: Network) -> None:
    path = f"/api/v1/lines/{network.alice_line.pk}/"
    assert fields_at_fault(network.ann.patch(path, {"username": "other"})) == ["username"]


def test_a_new_password_is_shown_once(network: Network) -> None:
    body = network.ann.post(f"/api/v1/lines/{network.alice_line.pk}/password/", {}).json()
    line = Line.objects.get(pk=network.alice_line.pk)
    assert line.ha1_sha256 == digest("sha256", "alice", body["realm"], body["password"])
    path = f"/api/v1/lines/{network.alice_line.pk}/password/"
    assert fields_at_fault(network.ann.post(path, {"password": "short"})) == ["password"]


def test_only_the_operator_blocks_and_unblocks(network: Network) -> None:
    path = f"/api/v1/lines/{network.alice_line.pk}"
    assert network.ann.post(f"{path}/block/", {"reason": "x"}).status_code == 403
    blocked = network.operator.post(f"{path}/block/", {"reason": "owes money"}).json()
    assert (blocked["blocked"], blocked["blocked_reason"]) == (True, "owes money")
    assert network.ann.post(f"{path}/unblock/").status_code == 403
    assert network.operator.post(f"{path}/unblock/").json()["blocked"] is False


def test_a_tenants_user_reads_lines_and_writes_none(network: Network) -> None:
    client = network.client(network.alice, Role.TENANT_USER)
    assert client.get("/api/v1/lines/").status_code == 200
    assert client.post("/api/v1/lines/", {}).status_code == 403
    assert client.post(f"/api/v1/lines/{network.alice_line.pk}/password/").status_code == 403


def test_a_key_without_the_scope_is_refused(network: Network) -> None:
    client = network.client(network.alice, Role.TENANT_ADMIN, "calls:read")
    assert client.get("/api/v1/lines/").status_code == 403
    assert client.get("/api/v1/calls/").status_code == 200


def test_lines_are_filtered(network: Network) -> None:
    block_line(network.bob_line.pk, "fraud")
    client = network.operator
    assert usernames(client.get("/api/v1/lines/?blocked=true")) == ["bob"]
    assert usernames(client.get("/api/v1/lines/?blocked=false")) == ["alice"]
    assert usernames(client.get(f"/api/v1/lines/?tenant={network.alice.pk}")) == ["alice"]
    assert fields_at_fault(client.get("/api/v1/lines/?blokced=true")) == ["blokced"]


def test_a_line_shows_the_phones_that_are_registered(network: Network, redis_url: str) -> None:
    binding = {
        "uri": "sip:alice@192.0.2.7:5060",
        "transport": "UDP",
        "local": ["127.0.0.1", 5060],
        "remote": ["192.0.2.7", 5060],
        "user_agent": "phone 1.0",
        "expires_at": time.time() + 60,
    }
    with redis.Redis.from_url(redis_url) as client:
        client.set("reg:alice", json.dumps([binding, {**binding, "expires_at": time.time() - 1}]))
        client.set("reg:bob", "garbage")
    found = {line["username"]: line["contacts"] for line in network.operator.get("/api/v1/lines/").json()["results"]}
    assert [contact["address"] for contact in found["alice"]] == ["UDP 192.0.2.7:5060"]
    assert found["bob"] == []


def test_without_redis_the_phones_are_unknown_and_the_rest_is_shown(network: Network, settings: Any) -> None:
    client = network.operator
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert [line["contacts"] for line in client.get("/api/v1/lines/").json()["results"]] == [None, None]


def test_a_customer_sees_no_trunks_and_makes_none(network: Network) -> None:
    assert network.ann.get("/api/v1/trunks/").json()["results"] == []
    assert fields_at_fault(network.ann.post("/api/v1/trunks/", {"name": "Mine", "host": "192.0.2.20"})) == ["tenant"]
    assert network.ann.get(f"/api/v1/trunks/{network.trunk.pk}/").status_code == 404


def test_a_trunks_password_is_written_and_never_read(network: Network) -> None:
    body = {"name": "B", "host": "192.0.2.11", "auth_username": "us", "auth_realm": "them", "password": "secret"}
    response = network.operator.post("/api/v1/trunks/", body)
    assert response.status_code == 201, response.content
    assert "secret" not in response.content.decode()
    assert Trunk.objects.get(name="B").ha1_md5 == digest("md5", "us", "them", "secret")
    path = f"/api/v1/trunks/{response.json()['id']}/"
    assert network.operator.patch(path, {"calls_max": 5}).json()["calls_max"] == 5
    assert Trunk.objects.get(name="B").ha1_md5 == digest("md5", "us", "them", "secret")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"host": "no host"}, "host"),
        ({"enum_suffix": "e164.arpa"}, "host"),
        ({"source_addresses": ["nonsense"]}, "source_addresses.0"),
        ({"source_addresses": ["192.0.2.10"]}, "source_addresses"),
        ({"port": 70_000}, "port"),
    ],
)
def test_a_wrong_trunk_is_refused_with_its_field(network: Network, body: dict[str, Any], field: str) -> None:
    response = network.operator.post("/api/v1/trunks/", {"name": "B", "host": "192.0.2.11"} | body)
    assert fields_at_fault(response)[0].startswith(field.split(".", maxsplit=1)[0])


def test_routes_are_made_changed_and_deleted(network: Network) -> None:
    client = network.operator
    made = client.post("/api/v1/routes/", {"prefix": "44", "trunk": network.trunk.pk, "priority": 5})
    assert made.status_code == 201, made.content
    path = f"/api/v1/routes/{made.json()['id']}/"
    assert client.patch(path, {"is_active": False}).json()["is_active"] is False
    assert [row["prefix"] for row in client.get("/api/v1/routes/?number=%2B4420").json()["results"]] == ["", "44"]
    assert client.delete(path).status_code == 204
    assert Route.objects.count() == 1


def test_a_route_twice_or_to_no_trunk_is_refused_with_its_field(network: Network) -> None:
    client = network.operator
    assert fields_at_fault(client.post("/api/v1/routes/", {"prefix": "", "trunk": network.trunk.pk})) == ["prefix"]
    assert fields_at_fault(client.post("/api/v1/routes/", {"prefix": "4", "trunk": 999})) == ["trunk"]
    assert fields_at_fault(network.ann.post("/api/v1/routes/", {"trunk": network.trunk.pk})) == ["trunk"]


def test_a_trunk_in_use_is_not_deleted(network: Network) -> None:
    assert network.operator.delete(f"/api/v1/trunks/{network.trunk.pk}/").status_code == 409


@pytest.fixture
def calls(network: Network, load: Load) -> list[CallRecord]:
    """Alice's answered, failed and refused call, and one of Bob's, from oldest to newest."""
    start = ANSWERED.started_at
    unanswered = {"answered_at": None, "duration_s": 0.0}
    items = [
        record(tenant_id=network.alice.pk, a_line_id=network.alice_line.pk),
        record(tenant_id=network.alice.pk, started_at=start + 1, sip_status=486, called="+331", **unanswered),
        record(
            tenant_id=network.alice.pk,
            started_at=start + 2,
            sip_status=403,
            refusal_code="fraud.destination",
            attempts=(),
            **unanswered,
        ),
        record(tenant_id=network.bob.pk, started_at=start + 3, caller="+15550100"),
    ]
    load([replace(item, ended_at=item.started_at + 60) for item in items])
    return items


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [uuid.UUID(call["call_id"]).hex for call in response.json()["results"]]


def test_calls_come_newest_first_with_their_attempts(network: Network, calls: list[CallRecord]) -> None:
    response = network.operator.get("/api/v1/calls/?ordering=-started_at")
    assert ids(response) == [item.call_id for item in reversed(calls)]
    assert ids(network.operator.get("/api/v1/calls/")) == ids(response)
    oldest = response.json()["results"][-1]
    assert [attempt["sip_status"] for attempt in oldest["attempts"]] == [200]
    assert (oldest["duration_s"], oldest["status"], oldest["a_line_id"]) == (60.5, "answered", network.alice_line.pk)
    assert oldest["started_at"] == "2026-11-18T11:06:40.250000Z"


def test_a_tenant_sees_its_own_calls(network: Network, calls: list[CallRecord]) -> None:
    assert ids(network.ann.get("/api/v1/calls/")) == [item.call_id for item in reversed(calls[:3])]
    assert network.ann.get(f"/api/v1/calls/{calls[3].call_id}/").status_code == 404
    assert network.ann.get(f"/api/v1/calls/{calls[0].call_id}/").json()["sip_call_id"] == "a1@127.0.0.1"


def test_only_the_operator_sees_which_carrier_a_call_took(network: Network, calls: list[CallRecord]) -> None:
    path = f"/api/v1/calls/{calls[0].call_id}/"
    whole, shown = network.operator.get(path).json(), network.ann.get(path).json()
    attempt, masked = whole["attempts"][0], shown["attempts"][0]
    assert (whole["node"], whole["b_trunk_id"]) == (calls[0].node, calls[0].b_trunk_id)
    assert (attempt["trunk_id"], attempt["peer"]) == (calls[0].attempts[0].trunk_id, calls[0].attempts[0].peer)
    assert None not in (whole["b_trunk_id"], attempt["trunk_id"])
    assert (shown["node"], shown["a_trunk_id"], shown["b_trunk_id"]) == ("", None, None)
    assert (masked["trunk_id"], masked["peer"]) == (None, "")
    assert shown["peer"] == whole["peer"] == calls[0].peer


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("status=answered", [3, 0]),
        ("status=failed", [1]),
        ("status=refused", [2]),
        ("answered=false", [2, 1]),
        ("called=%2B331", [1]),
        ("caller=%2B15550100", [3]),
        ("started_at_after=2026-11-18T11:06:42Z", [3, 2]),
        ("started_at_before=2026-11-18T11:06:40.250000Z", [0]),
        ("direction=inbound", []),
        ("refusal_code=fraud.destination", [2]),
    ],
)
def test_calls_are_filtered(network: Network, calls: list[CallRecord], query: str, wanted: list[int]) -> None:
    assert ids(network.operator.get(f"/api/v1/calls/?{query}")) == [calls[index].call_id for index in wanted]


def test_calls_of_a_tenant_and_of_a_line_are_found(network: Network, calls: list[CallRecord]) -> None:
    client = network.operator
    assert ids(client.get(f"/api/v1/calls/?tenant={network.bob.pk}")) == [calls[3].call_id]
    assert ids(client.get(f"/api/v1/calls/?line={network.alice_line.pk}")) == [calls[0].call_id]


def test_calls_are_ordered_only_by_what_an_index_serves(network: Network, calls: list[CallRecord]) -> None:
    client = network.operator
    assert ids(client.get("/api/v1/calls/?ordering=started_at")) == [item.call_id for item in calls]
    assert fields_at_fault(client.get("/api/v1/calls/?ordering=-duration_s")) == ["ordering"]


@pytest.mark.parametrize("query", ["direction=up", "status=good", "started_at_after=yesterday", "who=me", "line=x"])
def test_a_wrong_filter_is_refused_with_its_name(network: Network, query: str) -> None:
    assert fields_at_fault(network.operator.get(f"/api/v1/calls/?{query}"))[0].startswith(query.split("=")[0][:10])


def test_pages_follow_each_other_without_gap_or_repeat(network: Network, calls: list[CallRecord]) -> None:
    client, found = network.operator, []
    url: str | None = "/api/v1/calls/?page_size=1"
    while url:
        response = client.get(url)
        found += ids(response)
        url = response.json()["next"]
    assert found == [item.call_id for item in reversed(calls)]


def test_a_page_costs_the_same_few_statements_whatever_its_length(network: Network, calls: list[CallRecord]) -> None:
    client = network.operator
    client.get("/api/v1/calls/")
    with CaptureQueriesContext(
        connection,
    ) as short:
        client.get("/api/v1/calls/?page_size=1")
    with CaptureQueriesContext(connection) as long:
        client.get("/api/v1/calls/?page_size=4")
    assert len(short) == len(long)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_calls_are_only_read(network: Network, method: str) -> None:
    assert getattr(network.operator, method)("/api/v1/calls/").status_code == 405


@pytest.fixture
def price() -> Iterator[None]:
    before = dict(extensions._facts)
    register_call_fact(
        CallFact(
            name="charge",
            label="Price",
            lookup=lambda found: {call.call_id: 7 for call in found if call.answered_at},
            text=str,
            schema={"type": "integer", "nullable": True},
        )
    )
    yield
    extensions._facts.clear()
    extensions._facts.update(before)


def test_a_higher_app_adds_what_it_knows_of_a_call(network: Network, calls: list[CallRecord], price: None) -> None:
    client = network.operator
    found = client.get("/api/v1/calls/").json()["results"]
    assert [call["charge"] for call in found] == [7, None, None, 7]
    assert client.get(f"/api/v1/calls/{calls[0].call_id}/").json()["charge"] == 7


def test_records_cannot_be_changed_by_the_platform_itself(network: Network, calls: list[CallRecord]) -> None:
    for statement in ("UPDATE sip_call SET duration_s = 0", "DELETE FROM sip_call", "TRUNCATE sip_callattempt"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(statement)
    assert Call.objects.count() == len(calls)
