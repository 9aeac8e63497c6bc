"""The network as the switch reads it."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from sip import services, snapshot
from sip.controller.directory import Directory, LineEntry, RouteEntry, TrunkEntry
from sip.models import Line
from tenants.models import Tenant
from tests.sip.network.conftest import Network


def test_lines_come_with_what_the_switch_needs(network: Network) -> None:
    with connection.cursor() as cursor:
        lines = snapshot.load_lines(cursor)
    line = Line.objects.get(username="alice")
    assert lines[0] == LineEntry(
        id=line.pk,
        tenant_id=network.alice.pk,
        username="alice",
        extension="100",
        ha1_md5=line.ha1_md5,
        ha1_sha256=line.ha1_sha256,
        display_name="",
        caller_number="+33123456789",
        is_active=True,
        contacts_max=5,
        calls_max=10,
        country="FR",
        ha1_sha512_256=line.ha1_sha512_256,
    )
    assert [entry.username for entry in lines] == ["alice", "bob"]


def test_blocked_lines_and_lines_of_inactive_tenants_are_inactive(network: Network) -> None:
    services.block_line(network.alice_line.pk, "fraud")
    Tenant.objects.filter(pk=network.bob.pk).update(is_active=False)
    with connection.cursor() as cursor:
        assert [entry.is_active for entry in snapshot.load_lines(cursor)] == [False, False]


def test_trunks_and_routes_come_with_what_the_switch_needs(network: Network) -> None:
    services.update_route(network.route, is_active=False)
    route = services.create_route(network.trunk, prefix="44", priority=10)
    with connection.cursor() as cursor:
        trunks, routes = snapshot.load_trunks(cursor), snapshot.load_routes(cursor)
    assert trunks == [
        TrunkEntry(
            id=network.trunk.pk,
            tenant_id=network.trunkco.pk,
            name="Carrier",
            host="192.0.2.10",
            port=None,
            transport="udp",
            source_addresses=("192.0.2.10",),
            calls_max=1000,
            is_active=True,
            country="US",
            username="",
            ha1_md5="",
        )
    ]
    assert routes == [RouteEntry(route.pk, network.trunkco.pk, "44", network.trunk.pk, 10)]


def test_a_trunk_by_name_comes_with_all_the_switch_needs_to_find_and_to_trust_it(network: Network) -> None:
    fields: dict[str, Any] = {"auth_username": "us", "auth_realm": "them", "password": "secret", "ping_interval_s": 30}
    services.create_trunk(network.trunkco, name="Z", host="sip.carrier.example", transport="", **fields)
    services.create_trunk(network.trunkco, name="Y", enum_suffix="e164.arpa", follows_redirects=True)
    with connection.cursor() as cursor:
        _, named, numbers = snapshot.load_trunks(cursor)
    assert (named.host, named.port, named.transport, named.source_addresses) == ("sip.carrier.example", None, "", ())
    assert (named.realm, named.ping_interval_s) == ("them", 30)
    assert named.ha1("SHA-256") == services.digest("sha256", "us", "them", "secret")
    assert named.ha1("SHA-512-256") == services.digest("sha512_256", "us", "them", "secret")
    assert (numbers.host, numbers.enum_suffix, numbers.follows_redirects) == ("", "e164.arpa", True)


def test_the_network_survives_json(network: Network) -> None:
    with connection.cursor() as cursor:
        parts = snapshot.load_lines(cursor), snapshot.load_trunks(cursor), snapshot.load_routes(cursor)
    assert snapshot.from_json(json.loads(json.dumps(snapshot.to_json(*parts)))) == parts
    assert Directory(*parts).trunk_by_source("192.0.2.10", 5060) is not None


def test_ten_thousand_lines_are_read_by_one_statement(network: Network) -> None:
    Line.objects.bulk_create(
        Line(tenant=network.bob, username=f"user{number}", realm="r", ha1_md5="0" * 32, ha1_sha256="0" * 64)
        for number in range(10_000)
    )
    with CaptureQueriesContext(connection) as statements, connection.cursor() as cursor:
        assert len(snapshot.load_lines(cursor)) == 10_002
    assert len(statements) == 1
