"""The telephone-subscriber: what a tel URI holds, and a SIP URI's user part may (RFC 3966 §3, RFC 4694 §4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sip.stack.message.uri import Uri, UriParams

_SEPARATORS: Final = str.maketrans("", "", "-.()")
_DIGITS: Final = frozenset("0123456789")
_LOCAL: Final = frozenset("0123456789abcdefABCDEF*#")
_ROUTING: Final = frozenset("0123456789abcdefABCDEF")
_ONCE: Final = ("ext", "isub", "phone-context", "rn", "npdi", "cic")


@dataclass(frozen=True, slots=True)
class TelephoneSubscriber:
    """One number with its parameters; ``parse`` and ``str`` are inverse but for visual separators."""

    number: str
    """``+`` and digits for a global number; digits, letters A to F, ``*`` and ``#`` for a local one."""
    params: UriParams = ()
    """Names in lower case."""

    @classmethod
    def parse(cls, text: str) -> TelephoneSubscriber:
        """Read ``+1-201-555-0123;npdi;rn=+12015550000``.

        Raises:
            ValueError: no number, a character no number has, or a parameter twice or without its value.
        """
        number, _, tail = text.partition(";")
        pairs: list[tuple[str, str | None]] = []
        for part in tail.split(";") if tail else []:
            name, equals, value = part.partition("=")
            if not name:
                raise ValueError(f"number: empty parameter in {text[:80]!r}")
            pairs.append((name.lower(), value if equals else None))
        return cls._checked(number, tuple(pairs))

    @classmethod
    def of(cls, uri: Uri) -> TelephoneSubscriber | None:
        """Return the number in a URI, ``None`` when its user part is a name.

        In a SIP URI it is one where ``user=phone`` says so (RFC 3261 §19.1.1), and where it begins with ``+``.
        """
        if uri.scheme == "tel":
            return cls._checked(uri.user, uri.params)
        if not uri.user.startswith("+") and uri.param("user") != "phone":
            return None
        try:
            return cls.parse(uri.user)
        except ValueError:
            return None

    @classmethod
    def _checked(cls, number: str, params: UriParams) -> TelephoneSubscriber:
        plain = number.translate(_SEPARATORS)
        digits, allowed = (plain[1:], _DIGITS) if plain[:1] == "+" else (plain, _LOCAL)
        if not digits or not allowed.issuperset(digits):
            raise ValueError(f"number: no digits in {number[:80]!r}")
        names = [name for name, _ in params]
        if any(names.count(name) > 1 for name in _ONCE):
            raise ValueError("number: parameter given twice")
        found = cls(plain, params)
        for name in ("rn", "cic"):
            found._check_routing(name)
        return found

    def _check_routing(self, name: str) -> None:
        """Refuse a routing number or carrier code that is neither global nor has a context (RFC 4694 §4)."""
        given = self.param(name)
        if given is None:
            return
        value = given.translate(_SEPARATORS)
        is_global = value[:1] == "+" and value[1:2].isdigit()
        digits = value[1:] if is_global else value
        if not digits or not _ROUTING.issuperset(digits):
            raise ValueError(f"number: bad {name} {given[:80]!r}")
        if not is_global and not self.param(f"{name}-context"):
            raise ValueError(f"number: {name} without {name}-context")

    def __str__(self) -> str:
        return self.number + "".join(
            [f";{name}" if value is None else f";{name}={value}" for name, value in self.params]
        )

    def param(self, name: str) -> str | None:
        """Return the value of a parameter (name in lower case), "" when it has none, ``None`` when absent."""
        for key, value in self.params:
            if key == name:
                return "" if value is None else value
        return None

    @property
    def is_global(self) -> bool:
        """Tell whether it is an E.164 number."""
        return self.number[:1] == "+"

    @property
    def is_dipped(self) -> bool:
        """Tell whether the number portability database has been asked already (``npdi``)."""
        return self.param("npdi") is not None

    @property
    def routing_number(self) -> str:
        """The ``rn`` parameter without separators, "" when the number is not ported or was not looked up."""
        return (self.param("rn") or "").translate(_SEPARATORS)


def dialled(uri: Uri) -> str:
    """Return what a Request-URI dials: a number without separators and parameters, or the user part as it is.

    ``rn`` and ``cic`` of the request are not followed: they decide a route only between networks that trust each other,
    and of a number that is ours the subscriber's own is to be looked up (RFC 4694 §5, §5.1).

    Raises:
        ValueError: a tel URI that holds no number.
    """
    found = TelephoneSubscriber.of(uri)
    return uri.user if found is None else found.number
