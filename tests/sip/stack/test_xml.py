"""The bounded XML reader: hostile documents first."""

from __future__ import annotations

import tracemalloc

import pytest

from sip.stack.bodies.limits import XML_ATTRIBUTES_MAX, XML_BYTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX
from sip.stack.bodies.xml import Element, dump, escape, parse

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [
 <!ENTITY lol "lol">
 <!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
 <!ENTITY lol2 "&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;">
 <!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">
]>
<lolz>&lol3;</lolz>"""


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS,
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>',
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>',
    ],
)
def test_a_document_type_declaration_is_refused_before_anything_is_expanded(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(ValueError, match="declaration"):
        parse(data)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"text", b"<a>", b"<a></b>", b"<a/><b/>", b"<a x=1/>", b"<a x='1' x='2'/>", b"<a>&nbsp;</a>",
        b"<a>\x00</a>", b"<a>\xff\xfe</a>", b"<p:a/>", b"<a>&#0;</a>", b"<a>]]></a>",
        b"<?xml version='1.0' encoding='UTF-8'?><a>\xe9</a>",
        b"<?xml version='1.0' encoding='x-no-such-thing'?><a/>",
        b"<?xml version='1.0' encoding='utf-7'?><a>+ADw-</a>",
        b"<?xml version='1.0' encoding='UTF-16'?><a/>",
        "<?xml version='1.0' encoding='UTF-8'?><a/>".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_or_not_in_its_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse(data)


def test_a_document_may_be_so_deep_and_no_deeper() -> None:
    assert parse(b"<a>" * XML_DEPTH_MAX + b"</a>" * XML_DEPTH_MAX).name == ("", "a")
    with pytest.raises(ValueError, match="deeper"):
        parse(b"<a>" * (XML_DEPTH_MAX + 1) + b"</a>" * (XML_DEPTH_MAX + 1))


def test_a_document_may_have_so_many_elements_and_attributes_and_bytes() -> None:
    assert len(parse(b"<a>" + b"<b/>" * (XML_ELEMENTS_MAX - 1) + b"</a>").children) == XML_ELEMENTS_MAX - 1
    with pytest.raises(ValueError, match="elements"):
        parse(b"<a>" + b"<b/>" * XML_ELEMENTS_MAX + b"</a>")
    with pytest.raises(ValueError, match="attributes"):
        parse(b"<a " + b" ".join(b"x%d=''" % n for n in range(XML_ATTRIBUTES_MAX + 1)) + b"/>")
    with pytest.raises(ValueError, match="bytes"):
        parse(b"<a>" + b" " * XML_BYTES_MAX + b"</a>")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_the_encodings_of_expat_are_read(encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?><a x='é'>è</a>"
    root = parse(text.encode(encoding))
    assert (root.text, root.attribute("x")) == ("è", "é")


def test_names_are_read_with_their_namespaces() -> None:
    root = parse(b'<a xmlns="urn:1" xmlns:q="urn:2" q:x="1" y="2"><q:b/><c xmlns=""/></a>')
    assert root.name == ("urn:1", "a")
    assert root.attributes == {("urn:2", "x"): "1", ("", "y"): "2"}
    assert [child.name for child in root.children] == [("urn:2", "b"), ("", "c")]


def test_comments_sections_and_processing_instructions_do_no_harm() -> None:
    root = parse(b"<?pi x?><!-- c --><a>one<![CDATA[<two>]]><!-- c --><?pi y?>three</a>")
    assert root.text == "one<two>three"


def test_what_is_written_reads_the_same() -> None:
    source = b'<a xmlns="urn:1" xmlns:q="urn:2" q:x="&lt;&quot;&amp;" xml:lang="fr"><q:b>&gt; &#233;</q:b><c/></a>'
    written = dump(parse(source), {"urn:1": ""})
    assert written.startswith('<a xmlns="urn:1" xmlns:n2="urn:2"')
    assert flat(parse(written.encode())) == flat(parse(source))


def flat(element: Element) -> object:
    return (element.name, element.attributes, element.text, [flat(child) for child in element.children])


def test_text_is_escaped_and_what_xml_cannot_say_becomes_a_question_mark() -> None:
    assert escape('<a href="x">&') == "&lt;a href=&quot;x&quot;&gt;&amp;"
    assert escape("a\x00b\x1b\ud800\ufffe c\té😀") == "a?b??? c\té😀"
