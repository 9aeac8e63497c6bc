"""What the switch needs of the other workers of its node, and of the other nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class CrewPort(Protocol):
    """The way to the siblings (``sip.io.crew.Crew``). What is told may get lost; nothing waits for it."""

    @property
    def worker(self) -> int:
        """Our own number."""
        ...

    @property
    def siblings(self) -> tuple[int, ...]:
        """Numbers of the others."""
        ...

    def on_news(self, topic: str, take: Callable[[int, dict[str, Any]], None]) -> None:
        """Have ``take`` called, on the switch's thread and between turns, with the sibling and what it tells."""
        ...

    def tell(self, topic: str, news: dict[str, Any], sibling: int | None = None) -> None:
        """Tell JSON values to one sibling, or to all."""
        ...


class NodesPort(Protocol):
    """The way to the other nodes (``sip.io.redis_nodes.RedisNodes``), there or not."""

    @property
    def is_alone(self) -> bool:
        """Whether there are none to be told."""
        ...

    def on_news(self, take: Callable[[str, dict[str, Any]], None]) -> None:
        """Have ``take`` called, on the switch's thread and between turns, with the node and what it tells."""
        ...

    def tell(self, news: dict[str, Any]) -> None:
        """Tell JSON values to all other nodes."""
        ...
