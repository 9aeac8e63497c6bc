"""The two kinds of number one can call: a public E.164 number and a short code. Values only: text in, text out."""

from __future__ import annotations

import re

E164_DIGITS_MAX = 15
"""ITU-T E.164 §6.2.1: country code and national number together."""
E164_DIGITS_MIN = 6
"""The shortest numbers in use: four digits after a two-digit code (Germany, Austria)."""
SHORT_DIGITS_MAX = 8
"""A longer code would be as long as a national number; the codes of nearly all countries have three to six digits."""

_E164 = re.compile(rf"\+[1-9][0-9]{{{E164_DIGITS_MIN - 1},{E164_DIGITS_MAX - 1}}}", re.ASCII)
_SHORT = re.compile(rf"[0-9]{{2,{SHORT_DIGITS_MAX}}}", re.ASCII)


class E164(str):
    """A public number: ``+``, country code, national number; it is its own text.

    Raises:
        ValueError: the text is anything else. Use ``parse`` for what people write.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> E164:
        if not _E164.fullmatch(text):
            raise ValueError(f"not an E.164 number: {text!r}")
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return f"E164({str(self)!r})"

    @property
    def digits(self) -> str:
        """The number without its ``+``, as rate decks and routes hold prefixes."""
        return self[1:]


class ShortCode(str):
    """A code that means something in one country or network only (112, 911, 411, 988): never an E.164 number.

    Raises:
        ValueError: not two to eight digits.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> ShortCode:
        if not _SHORT.fullmatch(text):
            raise ValueError(f"not a short code: {text!r}")
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return f"ShortCode({str(self)!r})"
