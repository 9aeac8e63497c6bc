"""Every bound has a name and a reason, is used, and those a stranger can run into are run into by a test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "sip").glob("**/limits.py"))

CROSSED_BY = {
    "stack/limits.py": {
        "MESSAGE_BYTES_MAX": "sip/stack/test_endpoint.py::test_an_over_long_message_gets_513",
        "HEAD_BYTES_MAX": "sip/stack/test_smuggling.py::test_too_much_of_anything_is_refused",
        "HEADERS_MAX": "sip/stack/test_smuggling.py::test_too_much_of_anything_is_refused",
        "VALUES_MAX": "sip/stack/test_smuggling.py::test_too_much_of_anything_is_refused",
        "SEPARATORS_MAX": "sip/stack/test_smuggling.py::test_a_row_of_separators_alone_is_refused",
        "TRANSACTIONS_MAX": "sip/stack/test_endpoint.py::test_one_transaction_too_many_gets_503",
        "NONCE_COUNTS_MAX": "sip/stack/test_digest.py::"
        "test_over_the_limit_the_forgotten_nonces_are_stale_and_none_is_taken_twice",
        "FRAMER_PINGS_MAX": "sip/stack/test_framing.py::test_a_flood_of_pings_earns_a_bounded_number_of_pongs",
        "BUG_KINDS_MAX": "sip/stack/test_bugs.py::test_kinds_are_remembered_up_to_a_bound",
    },
    "stack/guard/limits.py": {
        "SOURCES_MAX": "sip/guard/test_guard.py::test_forged_addresses_do_not_push_out_a_source_that_goes_on_sending",
        "KNOWN_MAX": "sip/guard/test_guard.py::test_known_sources_are_remembered_up_to_a_bound_and_trunks_always",
        "BANS_MAX": "sip/guard/test_bans.py::test_a_full_list_drops_first_what_is_over_and_then_what_ends_first",
        "SUSPECTS_MAX": "sip/guard/test_scanners.py::test_names_and_suspects_are_remembered_up_to_a_bound",
        "NAMES_MAX": "sip/guard/test_scanners.py::test_names_and_suspects_are_remembered_up_to_a_bound",
        "POINTS_MAX": "sip/guard/test_scanners.py::test_a_scanner_is_banned_within_one_second_and_ten_requests",
        "PATIENCE_WITH_KNOWN": "sip/guard/test_scanners.py::test_a_registered_office_is_banned_when_it_scans_on_and_on",
        "PEAK_DROPS_MAX": "sip/guard/test_guard.py::test_a_peak_silences_a_source_whole_for_as_long_as_it_lasts",
        "FEEDBACK_PEERS_MAX": "sip/stack/test_rfc7339_overload_control.py::"
        "test_a_server_that_is_not_watched_is_not_heeded_and_no_more_are_watched_than_the_bound",
        "FEEDBACK_VALIDITY_S_MAX": "sip/stack/test_rfc7339_overload_control.py::"
        "test_a_server_that_asks_for_a_day_is_heeded_for_a_minute",
    },
    "io/limits.py": {
        "CONNECTIONS_MAX": "sip/io/test_stream_limits.py::"
        "test_an_ipv6_customer_is_one_source_and_the_whole_node_has_a_bound",
        "CONNECTIONS_PER_SOURCE_MAX": "sip/io/test_stream_limits.py::"
        "test_over_the_bound_of_a_source_a_stream_is_turned_away_and_other_sources_are_not",
        "FIRST_MESSAGE_S_MAX": "sip/io/test_stream_limits.py::"
        "test_who_says_nothing_at_first_is_closed_and_who_pings_after_a_message_is_not",
        "MESSAGE_S_MAX": "sip/io/test_stream_limits.py::"
        "test_who_never_finishes_a_message_is_closed_however_steadily_it_trickles",
        "IDLE_S_MAX": "sip/io/test_stream_limits.py::test_an_idle_stream_is_closed",
        "WRITE_BUFFER_BYTES_MAX": "sip/io/test_stream_limits.py::test_a_peer_that_does_not_read_is_cut_off",
    },
    "controller/limits.py": {
        "CALLS_MAX": "sip/controller/test_guarding.py::"
        "test_one_call_too_many_for_the_node_gets_503_and_an_emergency_does_not",
        "MAX_FORWARDS": "sip/controller/test_refusals.py::test_hops_are_counted_down_over_the_switch_and_never_raised",
        "TEXT_CHARS_MAX": "sip/controller/test_refusals.py::test_an_over_long_call_id_or_tag_gets_400",
        "CALLER_CHARS_MAX": "sip/controller/test_refusals.py::test_a_number_that_is_none_is_refused",
    },
    "controller/events/limits.py": {
        "LINE_SUBSCRIPTIONS_MAX": "sip/controller/test_rfc6665_notifier.py",
    },
}
"""What a peer can run into, by file and name: the test that does."""


@cache
def names(path: Path) -> dict[str, bool]:
    """Return the names a file binds, and whether a reason stands below each (or the next one, where two share it)."""
    body = ast.parse(path.read_text()).body
    found: dict[str, bool] = {}
    for at, node in enumerate(body):
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name):
            after = body[at + 1 : at + 3]
            found[target.id] = any(isinstance(item, ast.Expr) for item in after)
    return found


@cache
def sources() -> dict[Path, str]:
    return {path: path.read_text() for folder in ("sip", "voip") for path in (ROOT / folder).glob("**/*.py")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_limit_has_a_reason_and_is_used(path: Path) -> None:
    unused = [
        name
        for name in names(path)
        if not any(re.search(rf"\b{name}\b", text) for other, text in sources().items() if other != path)
        and len(re.findall(rf"\b{name}\b", sources()[path])) < 2
    ]
    assert unused == []
    assert [name for name, reasoned in names(path).items() if not reasoned] == []


ROWS = [(file, name, test) for file, rows in CROSSED_BY.items() for name, test in rows.items()]


@pytest.mark.parametrize(("file", "name", "test"), ROWS, ids=[f"{file}:{name}" for file, name, _ in ROWS])
def test_what_a_peer_can_run_into_is_run_into_by_a_test(file: str, name: str, test: str) -> None:
    assert name in names(ROOT / "sip" / file)
    place, _, function = test.partition("::")
    text = (ROOT / "tests" / place).read_text()
    assert f"def {function}(" in text if function else name in text
