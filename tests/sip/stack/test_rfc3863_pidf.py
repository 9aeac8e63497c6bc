"""RFC 3863: what is a presence document, and what a watcher is given."""

from __future__ import annotations

import pytest

from sip.stack.bodies import pidf
from sip.stack.bodies.xml import parse

NS = 'xmlns="urn:ietf:params:xml:ns:pidf"'
TUPLE = '<tuple id="t1"><status><basic>open</basic></status></tuple>'
RICH = f"""<?xml version="1.0" encoding="UTF-8"?>
<presence {NS} xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"
  entity="sip:bob@trunkline.test">
  <tuple id="t1"><status><basic>open</basic></status><contact priority="0.8">sip:bob@192.0.2.20</contact>
    <note xml:lang="en">In &lt;a&gt; meeting</note><timestamp>2026-01-01T00:00:00Z</timestamp></tuple>
  <dm:person id="p1"><r:activities><r:on-the-phone/></r:activities></dm:person>
  <note>hello</note>
</presence>""".encode()


def presence(inner: str, attributes: str = 'entity="sip:bob@x"') -> bytes:
    return f"<presence {NS} {attributes}>{inner}</presence>".encode()


@pytest.mark.parametrize(
    "body",
    [
        b"not xml",
        b"<presence entity='sip:bob@x'/>",
        b"<html/>",
        presence("", ""),
        presence('<tuple id="a"/>'),
        presence("<tuple><status/></tuple>"),
        presence('<tuple id="1a"><status/></tuple>'),
        presence('<tuple id="a b"><status/></tuple>'),
        presence(TUPLE + TUPLE),
        presence('<tuple id="a"><status><basic>maybe</basic></status></tuple>'),
        presence('<tuple id="a"><status><basic>open</basic><basic>closed</basic></status></tuple>'),
        presence('<tuple id="a"><status/><status/></tuple>'),
        presence('<tuple id="a"><status/><contact>x</contact><contact>y</contact></tuple>'),
        presence('<tuple id="a"><status/><timestamp>x</timestamp><timestamp>y</timestamp></tuple>'),
    ],
)
def test_what_is_no_presence_document_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        pidf.read(body, 1)


def test_a_rich_document_passes_with_all_it_says() -> None:
    root = parse(pidf.compose("sip:bob@trunkline.test", [pidf.read(RICH, 3)]))
    [tuple_, person, note] = root.children
    assert root.attribute("entity") == "sip:bob@trunkline.test"
    assert (tuple_.attribute("id"), person.attribute("id")) == ("p3-t1", "p3-p1")
    [status, contact, inner_note, timestamp] = tuple_.children
    assert status.children[0].text == "open"
    assert (contact.text, contact.attribute("priority")) == ("sip:bob@192.0.2.20", "0.8")
    assert inner_note.text == "In <a> meeting"
    assert timestamp.text == "2026-01-01T00:00:00Z"
    assert person.children[0].children[0].name == ("urn:ietf:params:xml:ns:pidf:rpid", "on-the-phone")
    assert note.text == "hello"


def test_the_usual_prefixes_are_kept_for_phones_that_look_for_them() -> None:
    text = pidf.read(RICH, 1)
    assert "<dm:person" in text
    assert "<rpid:on-the-phone" in text


def test_publications_with_the_same_ids_stay_apart() -> None:
    root = parse(pidf.compose("sip:b@x", [pidf.read(presence(TUPLE), 1), pidf.read(presence(TUPLE), 2)]))
    assert [child.attribute("id") for child in root.children] == ["p1-t1", "p2-t1"]


@pytest.mark.parametrize(("is_open", "basic"), [(True, "open"), (False, "closed")])
def test_a_registration_is_a_tuple(is_open: bool, basic: str) -> None:
    document = pidf.compose("sip:a&b@x", [pidf.registration_tuple("sip:a&b@x", is_open)])
    [tuple_] = parse(document).children
    assert tuple_.children[0].children[0].text == basic
    assert tuple_.children[1].text == "sip:a&b@x"
    assert pidf.read(document, 1)
