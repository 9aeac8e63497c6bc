"""What every channel is: one method that returns or raises."""

from __future__ import annotations

from typing import Protocol

from alerts.models import Delivery


class ChannelSender(Protocol):
    """Carries a delivery to its receiver."""

    attempts_max: int

    def deliver(self, delivery: Delivery) -> None:
        """Carry it there.

        Raises:
            ChannelError: it did not arrive; ``permanent`` says whether trying again can help.
        """
        ...
