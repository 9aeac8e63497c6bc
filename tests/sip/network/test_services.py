"""Lines, trunks and routes: what is accepted, what is refused with its field, and who learns of it."""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from sip import services
from sip.errors import InvalidLine, InvalidRoute, InvalidTrunk, TrunkInUse
from sip.models import Line, Route, Trunk
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tenants.services import create_tenant
from tests.sip.network.conftest import Network


def test_a_line_keeps_two_digests_and_no_password(network: Network) -> None:
    line = Line.objects.get(username="alice")
    secret = f"alice:{settings.SIP_REALM}:{network.alice_password}".encode()
    assert line.ha1_md5 == hashlib.md5(secret).hexdigest()
    assert line.ha1_sha256 == hashlib.sha256(secret).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(sip_line)::text FROM sip_line")
        assert all(network.alice_password not in row[0] for row in cursor.fetchall())


def test_a_password_is_random_and_of_twenty_characters(network: Network) -> None:
    passwords = {services.generate_password() for _ in range(50)}
    assert (len(passwords), {len(password) for password in passwords}) == (50, {20})
    assert not set("0O1lI") & set("".join(passwords))


def test_a_line_without_a_username_gets_one_of_its_tenant(network: Network) -> None:
    assert services.create_line(network.alice, extension="200")[0].username == "alice-200"
    assert services.create_line(network.alice)[0].username.startswith("alice-")


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"username": "bob"}, "username", "This username is taken."),
        ({"username": "a b"}, "username", "Two to 64 letters"),
        ({"username": "x@y"}, "username", "Two to 64 letters"),
        ({"extension": "100"}, "extension", "Extension 100 is taken."),
        ({"extension": "112"}, "extension", "112 is an emergency number in FR."),
        ({"extension": "15"}, "extension", "15 is an emergency number in FR."),
        ({"extension": "1"}, "extension", "Two to eight digits."),
        ({"caller_number": "0123"}, "caller_number", "is not an E.164 number"),
        ({"calls_max": 0}, "calls_max", "greater than or equal to 1"),
        ({"contacts_max": 21}, "contacts_max", "less than or equal to 20"),
        ({"password": "short"}, "password", "12 to 128 characters"),
    ],
)
def test_a_line_that_breaks_a_rule_is_refused_with_its_field(
    network: Network, fields: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidLine, match=message) as caught:
        services.create_line(network.alice, **fields)
    assert caught.value.field == field
    assert Line.objects.of(network.alice).count() == 1


def test_a_username_taken_in_a_tenant_out_of_sight_is_refused_all_the_same(network: Network) -> None:
    with tenant_scope([network.alice.pk]), pytest.raises(InvalidLine) as caught:
        services.create_line(network.alice, username="bob")
    assert caught.value.field == "username"


def test_two_tenants_may_use_the_same_extension(network: Network) -> None:
    assert network.bob_line.extension == network.alice_line.extension == "100"


@pytest.mark.parametrize("name", ["username", "tenant"])
def test_what_phones_hold_cannot_be_changed(network: Network, name: str) -> None:
    changes: dict[str, Any] = {"username": "other", "tenant": network.bob}
    with pytest.raises(InvalidLine, match="cannot be changed") as caught:
        services.update_line(network.alice_line, **{name: changes[name]})
    assert caught.value.field == name


def test_a_new_password_makes_the_old_one_useless(network: Network) -> None:
    before = network.alice_line.ha1_md5
    services.set_password(network.alice_line, "a long enough one")
    assert Line.objects.get(pk=network.alice_line.pk).ha1_md5 != before


def test_blocking_happens_once_and_says_why(network: Network) -> None:
    assert services.block_line(network.alice_line.pk, "spend cap")
    assert not services.block_line(network.alice_line.pk, "again")
    line = Line.objects.get(pk=network.alice_line.pk)
    assert (line.is_blocked, line.blocked_reason) == (True, "spend cap")
    assert services.unblock_line(line.pk)
    assert not services.unblock_line(line.pk)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"host": "carrier"}, "host"),
        ({"host": "-a.example"}, "host"),
        ({"host": "192.0.2.300"}, "host"),
        ({"host": "a" * 64 + ".example"}, "host"),
        ({"host": "a_b.example"}, "host"),
        ({"host": ""}, "host"),
        ({"enum_suffix": "e164.arpa"}, "host"),
        ({"host": "", "enum_suffix": "192.0.2.1"}, "enum_suffix"),
        ({"host": "", "enum_suffix": "e164.arpa", "port": 5060}, "enum_suffix"),
        ({"host": "", "enum_suffix": "e164.arpa", "ping_interval_s": 30}, "enum_suffix"),
        ({"transport": ""}, "transport"),
        ({"ping_interval_s": 4}, "ping_interval_s"),
        ({"ping_interval_s": 3601}, "ping_interval_s"),
        ({"port": 0}, "port"),
        ({"transport": "smoke"}, "transport"),
        ({"source_addresses": ["nonsense"]}, "source_addresses"),
        ({"source_addresses": ["192.0.2.10"]}, "source_addresses"),
        ({"name": "Carrier"}, "name"),
        ({"auth_username": "us", "auth_realm": "them"}, "password"),
        ({"auth_username": "us", "password": "secret"}, "auth_realm"),
        ({"password": "secret"}, "auth_username"),
    ],
)
def test_a_trunk_that_breaks_a_rule_is_refused_with_its_field(
    network: Network, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidTrunk) as caught:
        services.create_trunk(network.trunkco, **({"name": "Second", "host": "192.0.2.11"} | fields))
    assert caught.value.field == field


def test_a_trunk_known_by_its_certificate_takes_no_address_for_it_and_has_the_name_alone(network: Network) -> None:
    fields = {"host": "192.0.2.11", "transport": "tls", "tls_name": "SIP.Carrier.Example"}
    trunk = services.create_trunk(network.trunkco, name="Second", **fields)
    trunk.refresh_from_db()
    assert (trunk.tls_name, trunk.source_addresses) == ("sip.carrier.example", [])
    with pytest.raises(InvalidTrunk, match="is already the name of trunk Second") as caught:
        services.create_trunk(network.trunkco, name="Third", **(fields | {"host": "192.0.2.12"}))
    assert caught.value.field == "tls_name"
    services.update_trunk(trunk, tls_name="")
    trunk.refresh_from_db()
    assert trunk.source_addresses == ["192.0.2.11"]


@pytest.mark.parametrize("name", ["192.0.2.1", "*.carrier.example", "carrier", "a b.example"])
def test_what_is_no_domain_is_no_name_of_a_certificate(network: Network, name: str) -> None:
    with pytest.raises(InvalidTrunk) as caught:
        services.create_trunk(network.trunkco, name="Second", host="192.0.2.11", tls_name=name)
    assert caught.value.field == "tls_name"


@pytest.mark.parametrize("host", ["sip.carrier.example", "SIP.Carrier.Example", "xn--bcher-kva.example"])
def test_a_trunk_by_name_leaves_port_transport_and_sources_to_the_dns(network: Network, host: str) -> None:
    trunk = services.create_trunk(network.trunkco, name="Second", host=host, transport="")
    trunk.refresh_from_db()
    assert (trunk.host, trunk.port, trunk.source_addresses) == (host.lower(), None, [])


def test_a_trunks_password_is_kept_as_a_digest_of_each_algorithm(network: Network) -> None:
    fields = {"auth_username": "us", "auth_realm": "them", "password": "secret"}
    trunk = services.create_trunk(network.trunkco, name="Second", host="192.0.2.11", **fields)
    assert (len(trunk.ha1_md5), len(trunk.ha1_sha256), len(trunk.ha1_sha512_256)) == (32, 64, 64)
    assert trunk.ha1_sha256 == services.digest("sha256", "us", "them", "secret")
    services.update_trunk(trunk, auth_username="", auth_realm="")
    trunk.refresh_from_db()
    assert (trunk.ha1_md5, trunk.ha1_sha256, trunk.ha1_sha512_256) == ("", "", "")


def test_a_trunk_is_the_operators(network: Network) -> None:
    with pytest.raises(InvalidTrunk, match="belongs to the operator") as caught:
        services.create_trunk(network.alice, name="Mine", host="192.0.2.20")
    assert caught.value.field == "tenant"


def test_a_trunk_takes_calls_from_its_host_unless_told_otherwise(network: Network) -> None:
    assert network.trunk.source_addresses == ["192.0.2.10"]
    narrowed = services.create_trunk(
        network.trunkco, name="Loopback", host="127.0.0.1", source_addresses=["127.0.0.1:5080"]
    )
    assert narrowed.source_addresses == ["127.0.0.1:5080"]


def test_a_trunks_password_is_kept_as_a_digest(network: Network) -> None:
    services.update_trunk(network.trunk, auth_username="us", auth_realm="them", password="secret")
    assert Trunk.objects.get().ha1_md5 == hashlib.md5(b"us:them:secret").hexdigest()
    with pytest.raises(InvalidTrunk, match="needs the password again"):
        services.update_trunk(network.trunk, auth_realm="others")


def test_a_trunk_with_routes_is_not_deleted(network: Network) -> None:
    with pytest.raises(TrunkInUse, match="switch it off instead"):
        services.delete_trunk(network.trunk)
    assert Trunk.objects.count() == 1


@pytest.mark.parametrize("prefix", ["+44", "x", "1" * 16])
def test_a_prefix_is_digits(network: Network, prefix: str) -> None:
    with pytest.raises(InvalidRoute) as caught:
        services.create_route(network.trunk, prefix=prefix)
    assert caught.value.field == "prefix"


def test_a_prefix_goes_to_a_trunk_once(network: Network) -> None:
    with pytest.raises(InvalidRoute) as caught:
        services.create_route(network.trunk, prefix="")
    assert caught.value.field == "prefix"


def test_routes_are_found_by_the_longest_prefix_first(network: Network) -> None:
    for prefix in ("44", "4420", "49"):
        services.create_route(network.trunk, prefix=prefix)
    assert [route.prefix for route in Route.objects.for_digits("442071234567")] == ["4420", "44", ""]


def test_the_audit_tells_that_a_password_changed_and_never_to_what(network: Network) -> None:
    services.set_password(network.alice_line, "a long enough one")
    entry = AuditEntry.objects.about("sip_line", [network.alice_line.pk]).order_by("-pk")[0]
    assert (entry.action, entry.tenant_id) == ("update", network.alice.pk)
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["ha1_md5"], entry.after["ha1_md5"]) == ("(secret)", "(changed)")
    assert network.alice_line.ha1_md5 not in str(entry.after)


def test_row_level_security_hides_the_lines_of_others(network: Network) -> None:
    with tenant_scope([network.alice.pk]):
        assert [line.username for line in Line.objects.all()] == ["alice"]
        assert Trunk.objects.count() == 0
    with tenant_scope([]):
        assert Line.objects.count() == 0


def test_running_nodes_are_told_of_each_change(committed_db: None, owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as listener:
        listener.execute("LISTEN snapshot")
        trunkco = create_tenant(name="Trunkco", kind="operator")
        line, _ = services.create_line(trunkco, username="alice")
        services.create_route(services.create_trunk(trunkco, name="Carrier", host="192.0.2.10"))
        services.block_line(line.pk, "test")
        heard = [notice.payload for notice in listener.notifies(timeout=1)]
    assert [section for section in heard if section in {"lines", "trunks", "routes"}] == [
        "lines",
        "trunks",
        "routes",
        "lines",
    ]
