"""``var/demo.json``: the facts for programs, under the names they are known by."""

from __future__ import annotations

import stat
from pathlib import Path

from pytest_django import Settings

from tests.cast import PASSWORD, Cast
from voip.demo import facts
from voip.demo.seed import Demo, LineWithPassword


def demo_of(cast: Cast) -> Demo:
    lines = tuple(LineWithPassword(line, PASSWORD) for line in (cast.alice_line, cast.alice_second_line, cast.bob_line))
    return Demo(
        cast.trunkco, cast.alice, cast.bob, cast.olga, "secret 1", cast.ann, "secret 2", "tk_demo_key", lines,
        cast.trunk, "+12125550199",
    )  # fmt: skip


def test_the_facts_have_exactly_these_names_and_two_accounts_of_one_tenant(cast: Cast, settings: Settings) -> None:
    settings.PUBLIC_URL, settings.LISTEN_HOST, settings.SIP_PORT = "http://127.0.0.1:8000", "127.0.0.1", 5060
    told = facts.facts(demo_of(cast))
    trunk = told.pop("trunk")
    assert told == {
        "url": "http://127.0.0.1:8000",
        "admin": {"email": "olga@trunkco.example", "password": "secret 1"},
        "tenant_user": {"email": "ann@alice.example", "password": "secret 2"},
        "api_key": "tk_demo_key",
        "sip": {
            "host": "127.0.0.1",
            "port": 5060,
            "realm": settings.SIP_REALM,
            "accounts": [
                {"username": "alice", "password": PASSWORD, "extension": "100"},
                {"username": "alice2", "password": PASSWORD, "extension": "101"},
            ],
            "other_tenant_accounts": [{"username": "bob", "password": PASSWORD, "extension": "100"}],
        },
        "did": "+12125550199",
    }
    assert (trunk["host"], trunk["port"], trunk["transport"]) == ("192.0.2.10", cast.trunk.port, cast.trunk.transport)
    assert set(trunk) == {"host", "port", "transport", "source_addresses", "how", "outside_number"}


def test_the_file_of_passwords_is_for_its_owner_only_and_reads_back(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path / "var"
    told = facts.facts(demo_of(cast))
    facts.write(told)
    assert facts.read() == told
    assert stat.S_IMODE(facts.path().stat().st_mode) == 0o600
    assert [path.name for path in facts.path().parent.iterdir()] == ["demo.json"]
