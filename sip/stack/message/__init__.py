"""SIP messages and the values in their headers (RFC 3261 §7, §20, §25)."""

from sip.stack.message.cseq import CSeq as CSeq
from sip.stack.message.message import Headers as Headers
from sip.stack.message.message import Message as Message
from sip.stack.message.message import Request as Request
from sip.stack.message.message import Response as Response
from sip.stack.message.name_addr import NameAddr as NameAddr
from sip.stack.message.parse import parse_message as parse_message
from sip.stack.message.uri import Uri as Uri
from sip.stack.message.via import Via as Via
