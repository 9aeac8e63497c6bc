"""The admin pages of the network."""

from sip.admin.calls import CallAdmin, QuarantinedFrameAdmin
from sip.admin.lines import LineAdmin
from sip.admin.trunks import RouteAdmin, TrunkAdmin

__all__ = ["CallAdmin", "LineAdmin", "QuarantinedFrameAdmin", "RouteAdmin", "TrunkAdmin"]
