"""XML as far as documents of presence need it: read within bounds, without DTD, entities or anything fetched.

A document type declaration is refused wherever it stands, so that no entity can be declared: neither one that grows
(the billion laughs) nor one that names a file. UTF-8, UTF-16 and single-byte encodings are read, no others.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from sip.stack.bodies.limits import XML_ATTRIBUTES_MAX, XML_BYTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX

_SEPARATOR: Final = " "
"""Between namespace and local name: no URI holds one."""

XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"


class Element:
    """One element: names are ``(namespace, local name)``, "" where there is no namespace.

    Of mixed content only the text before the first child is kept; comments and processing instructions are dropped.
    """

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: tuple[str, str]) -> None:
        self.name = name
        self.attributes: dict[tuple[str, str], str] = {}
        self.children: list[Element] = []
        self.text = ""

    def attribute(self, name: str) -> str:
        """Return the value of an attribute without namespace, "" when it is absent."""
        return self.attributes.get(("", name), "")

    def find_all(self, name: tuple[str, str]) -> list[Element]:
        """Return the children of this name."""
        return [child for child in self.children if child.name == name]


class _Builder:
    """Takes expat's events and counts."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self._elements += 1
        if self._elements > XML_ELEMENTS_MAX:
            raise ValueError(f"more than {XML_ELEMENTS_MAX} elements")
        if len(self._open) >= XML_DEPTH_MAX:
            raise ValueError(f"nested deeper than {XML_DEPTH_MAX}")
        if len(attributes) > XML_ATTRIBUTES_MAX:
            raise ValueError(f"more than {XML_ATTRIBUTES_MAX} attributes")
        element = Element(_split(name))
        element.attributes = {_split(key): value for key, value in attributes.items()}
        if self._open:
            self._open[-1].children.append(element)
        elif self.root is None:
            self.root = element
        self._open.append(element)

    def end(self, name: str) -> None:
        """Close it."""
        self._open.pop()

    def text(self, data: str) -> None:
        """Take character data."""
        if self._open and not self._open[-1].children:
            self._open[-1].text += data

    def doctype(self, name: str, system_id: str | None, public_id: str | None, has_subset: object) -> None:
        """Refuse a DTD."""
        raise ValueError("a document type declaration is not read")


def parse(data: bytes) -> Element:
    """Return the root of a document.

    Raises:
        ValueError: it is longer, deeper or larger than the limits, has a DTD, or is not well-formed.
    """
    if len(data) > XML_BYTES_MAX:
        raise ValueError(f"{len(data)} bytes, {XML_BYTES_MAX} at most")
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError) as error:
        raise ValueError(f"not well-formed: {error}") from error
    if builder.root is None:  # pragma: no cover - expat asks for one
        raise ValueError("no element")
    return builder.root


def _split(name: str) -> tuple[str, str]:
    namespace, separator, local = name.rpartition(_SEPARATOR)
    return (namespace, local) if separator else ("", name)


def escape(text: str) -> str:
    """Return text as it may stand between tags and in a quoted attribute; what XML cannot say becomes ``?``."""
    clean = "".join([char if _is_allowed(char) else "?" for char in text]) if not text.isprintable() else text
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _is_allowed(char: str) -> bool:
    """Tell whether XML 1.0 §2.2 has the character."""
    return char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char >= "\U00010000"


def dump(element: Element, prefixes: dict[str, str]) -> str:
    """Return an element as text that stands on its own: every namespace it uses is declared in it.

    ``prefixes`` gives the usual prefix of a namespace; "" makes it the default one. Others get ``n1``, ``n2``, …
    """
    names: dict[str, str] = {}
    _collect(element, prefixes, names)
    declarations = [
        f' xmlns{":" + prefix if prefix else ""}="{escape(namespace)}"' for namespace, prefix in names.items()
    ]
    return _dump(element, names, "".join(declarations))


def _collect(element: Element, prefixes: dict[str, str], names: dict[str, str]) -> None:
    for namespace, _ in [element.name, *element.attributes]:
        if namespace and namespace != XML_NAMESPACE and namespace not in names:
            names[namespace] = prefixes.get(namespace, f"n{len(names) + 1}")
    for child in element.children:
        _collect(child, prefixes, names)


def _dump(element: Element, names: dict[str, str], declarations: str) -> str:
    tag = _tag(element.name, names)
    attributes = "".join([f' {_tag(name, names)}="{escape(value)}"' for name, value in element.attributes.items()])
    inner = escape(element.text if not element.children or element.text.strip() else "")
    inner += "".join([_dump(child, names, "") for child in element.children])
    return f"<{tag}{declarations}{attributes}>{inner}</{tag}>" if inner else f"<{tag}{declarations}{attributes}/>"


def _tag(name: tuple[str, str], names: dict[str, str]) -> str:
    namespace, local = name
    if namespace == XML_NAMESPACE:
        return f"xml:{local}"
    prefix = names.get(namespace, "")
    return f"{prefix}:{local}" if prefix else local
