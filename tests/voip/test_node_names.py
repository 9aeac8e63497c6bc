"""Under which names a node's processes meet in Redis."""

from __future__ import annotations

from django.conf import settings

from voip.node.network import node_config


def test_all_workers_share_registrations_as_one_node() -> None:
    assert node_config().shares_as == settings.NODE_NAME
