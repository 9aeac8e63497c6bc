"""What the loader remembers: how far each segment is loaded, and what could not be."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class SpoolOffset(models.Model):
    """How far one segment of one node is loaded; written in the transaction of the rows themselves."""

    node = models.CharField(max_length=64)
    segment = models.IntegerField()
    segment_id = models.CharField(max_length=32, help_text="Tells a segment from one of the same name before a wipe.")
    offset = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("node", "segment")
        constraints: ClassVar = [models.UniqueConstraint(name="spool_offset_unique", fields=["node", "segment"])]

    def __str__(self) -> str:
        return f"{self.node}/{self.segment:08d} at {self.offset}"


class QuarantinedFrame(models.Model):
    """A frame of the spool that is no loadable record: put aside with its reason, never dropped, never in the way."""

    node = models.CharField(max_length=64)
    segment = models.IntegerField()
    offset = models.BigIntegerField()
    call_id = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=200)
    payload = models.BinaryField(help_text="The bytes as found; of a damaged stretch its first 64 KiB.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.node}/{self.segment:08d} at {self.offset}: {self.reason}"
