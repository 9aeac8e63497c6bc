"""The record as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from sip.cdr.record import CallRecord
from tests.sip.cdr.samples import ANSWERED


def test_a_record_survives_json() -> None:
    assert CallRecord.from_json(json.loads(json.dumps(ANSWERED.to_json()))) == ANSWERED


def test_json_has_every_field() -> None:
    assert json.loads(json.dumps(ANSWERED.to_json())) == json.loads(json.dumps(asdict(ANSWERED)))


def test_keys_of_a_newer_version_are_ignored() -> None:
    data = ANSWERED.to_json() | {"mos": 4.4}
    data["attempts"] = [item | {"codec": "opus"} for item in data["attempts"]]
    assert CallRecord.from_json(data) == ANSWERED
