"""POSIX extended regular expressions as NAPTR records carry them (RFC 3402 §3.2), matched in a bounded number of steps.

Python's ``re`` would do for honest rules; a hostile zone's ``(.*.*.*)*x`` would stop every call of the node. Here the
work is counted, and a rule that costs more than its due does not match. What is read: characters, ``.``, brackets,
groups, alternatives, ``* + ? {m,n}``, ``^ $`` and escapes. What is not (back references, classes by name) is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sip.stack.locating.limits import REGEXP_CHARS_MAX, REGEXP_STEPS_MAX

_NODES_MAX: Final = 100
"""Parts of one expression; bounds the depth of the search too."""
_DEPTH_MAX: Final = 9
"""Groups within groups: no more than can be named in a substitution."""
_REPEATS_MAX: Final = 255
"""RE_DUP_MAX of POSIX."""


class _Node:
    """One part: a set of characters, an anchor, or a group; and how often it may stand."""

    __slots__ = ("alternatives", "anchor", "chars", "group", "is_negated", "least", "most")

    def __init__(self) -> None:
        self.chars: frozenset[str] | None = None
        self.is_negated = False
        self.anchor = ""
        self.group = 0
        """Number of the group from 1 on; 0 when it is none."""
        self.alternatives: list[list[_Node]] = []
        self.least = 1
        self.most = 1


class Ere:
    """One expression, ready to match."""

    __slots__ = ("_alternatives", "_groups", "_ignores_case", "_nodes", "_position", "_steps", "_text")

    def __init__(self, text: str, ignores_case: bool = False) -> None:
        """Read an expression.

        Raises:
            ValueError: it is too long, not well formed, or uses what is not supported.
        """
        if len(text) > REGEXP_CHARS_MAX:
            raise ValueError("regexp: too long")
        self._text = text
        self._ignores_case = ignores_case
        self._position = 0
        self._nodes = 0
        self._groups = 0
        self._steps = 0
        self._alternatives = self._read_alternatives(0)
        if self._position < len(text):
            raise ValueError("regexp: closing parenthesis without an opening one")

    def match(self, subject: str) -> list[str] | None:
        """Return the text of the whole match and of each group, "" for one that took no part; ``None`` without match.

        The leftmost match is taken, greedy, the first alternative that fits.

        Raises:
            ValueError: it takes too many steps.
        """
        self._steps = 0
        for start in range(len(subject) + 1):
            spans: list[tuple[int, int]] = [(0, 0)] * (self._groups + 1)
            for end in self._any(self._alternatives, subject, start, spans):
                spans[0] = (start, end)
                return [subject[first:last] for first, last in spans]
        return None

    def _read_alternatives(self, depth: int) -> list[list[_Node]]:
        found: list[list[_Node]] = [[]]
        text = self._text
        while self._position < len(text) and text[self._position] != ")":
            if text[self._position] == "|":
                self._position += 1
                found.append([])
            else:
                found[-1].append(self._read_node(depth))
        return found

    def _read_node(self, depth: int) -> _Node:
        self._nodes += 1
        if self._nodes > _NODES_MAX:
            raise ValueError("regexp: too many parts")
        node = _Node()
        char = self._text[self._position]
        self._position += 1
        if char == "(":
            self._read_group(node, depth)
        elif char == "[":
            self._read_brackets(node)
        elif char == ".":
            node.chars, node.is_negated = frozenset(), True
        elif char in "^$":
            node.anchor = char
        elif char in "*+?{":
            raise ValueError("regexp: nothing to repeat")
        else:
            node.chars = self._literal(char)
        self._read_repeat(node)
        return node

    def _literal(self, char: str) -> frozenset[str]:
        if char == "\\":
            char = self._next()
            if char.isalnum():
                raise ValueError(f"regexp: \\{char} is not supported")
        return frozenset((char.lower(), char.upper()) if self._ignores_case else (char,))

    def _next(self) -> str:
        if self._position >= len(self._text):
            raise ValueError("regexp: ends too early")
        self._position += 1
        return self._text[self._position - 1]

    def _read_group(self, node: _Node, depth: int) -> None:
        if depth >= _DEPTH_MAX:
            raise ValueError("regexp: too many groups within groups")
        self._groups += 1
        node.group = self._groups
        node.alternatives = self._read_alternatives(depth + 1)
        if self._next() != ")":  # pragma: no cover - alternatives end there or at the end of the text
            raise ValueError("regexp: group is not closed")

    def _read_brackets(self, node: _Node) -> None:
        chars: set[str] = set()
        char = self._next()
        if char == "^":
            node.is_negated = True
            char = self._next()
        while True:
            if char == "[" and self._text[self._position : self._position + 1] in (":", ".", "="):
                raise ValueError("regexp: classes by name are not supported")
            following = self._text[self._position : self._position + 2]
            if following[:1] == "-" and following[1:] not in ("", "]"):
                self._position += 2
                if not char <= following[1] or ord(following[1]) > 0xFF:
                    raise ValueError("regexp: bad range")
                chars.update(map(chr, range(ord(char), ord(following[1]) + 1)))
            else:
                chars.add(char)
            char = self._next()
            if char == "]":
                break
        if self._ignores_case:
            chars |= {char.lower() for char in chars} | {char.upper() for char in chars}
        node.chars = frozenset(chars)

    def _read_repeat(self, node: _Node) -> None:
        char = self._text[self._position : self._position + 1]
        if char not in ("*", "+", "?", "{"):
            return
        if node.anchor:
            raise ValueError("regexp: an anchor cannot be repeated")
        self._position += 1
        if char == "{":
            self._read_bounds(node)
        else:
            node.least = 1 if char == "+" else 0
            node.most = 1 if char == "?" else _REPEATS_MAX
        if self._text[self._position : self._position + 1] in ("*", "+", "?", "{"):
            raise ValueError("regexp: repeated twice")

    def _read_bounds(self, node: _Node) -> None:
        bounds, closed, _ = self._text[self._position :].partition("}")
        least, comma, most = bounds.partition(",")
        if not closed or not least.isdigit() or len(bounds) > 7 or (most and not most.isdigit()):
            raise ValueError("regexp: bad bounds")
        self._position += len(bounds) + 1
        node.least = int(least)
        node.most = int(most) if most else _REPEATS_MAX if comma else node.least
        if not node.least <= node.most <= _REPEATS_MAX:
            raise ValueError("regexp: bad bounds")

    def _count(self) -> None:
        self._steps += 1
        if self._steps > REGEXP_STEPS_MAX:
            raise ValueError("regexp: takes too many steps")

    def _any(
        self, alternatives: list[list[_Node]], subject: str, at: int, spans: list[tuple[int, int]]
    ) -> Iterator[int]:
        for nodes in alternatives:
            yield from self._sequence(nodes, 0, subject, at, spans)

    def _sequence(
        self, nodes: list[_Node], index: int, subject: str, at: int, spans: list[tuple[int, int]]
    ) -> Iterator[int]:
        if index == len(nodes):
            yield at
            return
        for end in self._repeat(nodes[index], 0, subject, at, spans):
            yield from self._sequence(nodes, index + 1, subject, end, spans)

    def _repeat(self, node: _Node, done: int, subject: str, at: int, spans: list[tuple[int, int]]) -> Iterator[int]:
        self._count()
        if done < node.most:
            for end in self._once(node, subject, at, spans):
                if end > at or done < node.least:
                    yield from self._repeat(node, done + 1, subject, end, spans)
        if done >= node.least:
            yield at

    def _once(self, node: _Node, subject: str, at: int, spans: list[tuple[int, int]]) -> Iterator[int]:
        if node.group:
            before = spans[node.group]
            for end in self._any(node.alternatives, subject, at, spans):
                inner, spans[node.group] = spans[node.group], (at, end)
                yield end
                spans[node.group] = inner
            spans[node.group] = before
        elif node.anchor:
            if at == (0 if node.anchor == "^" else len(subject)):
                yield at
        elif node.chars is not None and at < len(subject) and (subject[at] in node.chars) is not node.is_negated:
            yield at + 1
