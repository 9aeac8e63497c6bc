"""The network and its records."""

from sip.models.call import Call, CallAttempt, attach_attempts
from sip.models.line import Line
from sip.models.route import Route
from sip.models.spool import QuarantinedFrame, SpoolOffset
from sip.models.trunk import Trunk

__all__ = ["Call", "CallAttempt", "Line", "QuarantinedFrame", "Route", "SpoolOffset", "Trunk", "attach_attempts"]
