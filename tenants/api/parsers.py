"""Reading of request bodies, never more than the limit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from tenants import limits


class PayloadTooLarge(APIException):
    """The body is longer than the limit (413)."""

    status_code = 413
    default_detail = "The request body is too long."
    default_code = "payload_too_large"


class LimitedJSONParser(JSONParser):
    """JSON of at most ``API_BODY_BYTES_MAX`` bytes: Django's own limit does not reach a body read as a stream."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the decoded body.

        Raises:
            PayloadTooLarge: it is over the limit.
            ParseError: it is not JSON, or nested deeper than Python recurses.
        """
        body = stream.read(limits.API_BODY_BYTES_MAX + 1)
        if len(body) > limits.API_BODY_BYTES_MAX:
            raise PayloadTooLarge(f"The request body is over {limits.API_BODY_BYTES_MAX} bytes.")
        try:
            return super().parse(cast("BinaryIO", io.BytesIO(body)), media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
