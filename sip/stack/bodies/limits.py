"""Every bound of what is read from bodies, each with its reason."""

from __future__ import annotations

from typing import Final

XML_BYTES_MAX: Final = 16_384
"""The longest presence document of a phone that was seen has 3 KiB; a longer one is work an attacker gives us."""

XML_DEPTH_MAX: Final = 12
"""A presence document with rich presence nests six deep."""

XML_ELEMENTS_MAX: Final = 256
"""A tuple has about ten elements, a device has one tuple."""

XML_ATTRIBUTES_MAX: Final = 16
"""Attributes of one element; PIDF and its extensions have four at most."""

SUMMARY_LINES_MAX: Final = 64
"""Lines of a message summary: there are six kinds of message; the rest are headers of messages, which are dropped."""
