"""The output of a process: all of it into a rotated file, what matters in short onto the console."""

from __future__ import annotations

import logging
import re
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from voip.platform import limits
from voip.platform.console import coloured, say

_MATTERS = re.compile(r"\b(WARNING|ERROR|CRITICAL|FATAL|PANIC)\b")
_COLOURS = ("cyan", "magenta", "blue", "yellow", "green")


class ProcessLog:
    """Splits a process's output into lines and writes each where it belongs."""

    def __init__(self, folder: Path, name: str, number: int = 0, not_told: str = "") -> None:
        self.path = folder / f"{name}.log"
        self._label = coloured(f"{name:>9}", _COLOURS[number % len(_COLOURS)])
        self._file = RotatingFileHandler(
            self.path,
            maxBytes=limits.LOG_FILE_BYTES_MAX,
            backupCount=limits.LOG_FILES_KEPT,
            encoding="utf-8",
            errors="replace",
        )
        self._not_told = re.compile(not_told or r"\Z.")
        self._rest = b""
        self._window_began = 0.0
        self._told = 0
        self.last_line = ""
        """Where a process that dies says why."""

    def feed(self, data: bytes) -> list[str]:
        """Take output as it comes and return the lines that it completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > limits.LOG_LINE_BYTES_MAX:
            whole.append(self._rest)
            self._rest = b""
        lines = [line.rstrip(b"\r").decode(errors="replace") for line in whole]
        for line in lines:
            self.write(line)
        return lines

    def write(self, line: str) -> None:
        """Put one line into the file, and onto the console if it is a warning or worse."""
        self._file.handle(logging.makeLogRecord({"msg": line}))
        self.last_line = line.strip() or self.last_line
        if _MATTERS.search(line) and not self._not_told.search(line):
            self.tell(line)

    def tell(self, text: str) -> None:
        """Put the beginning of a text onto the console, under the process's name; a flood of them is cut short."""
        now = time.monotonic()
        if now - self._window_began > limits.CONSOLE_WINDOW_S:
            self._window_began, self._told = now, 0
        self._told += 1
        if self._told == limits.CONSOLE_LINES_MAX:
            text = f"... more in {self.path}"
        if self._told > limits.CONSOLE_LINES_MAX:
            return
        say(f"{self._label} {text[: limits.CONSOLE_COLUMNS_MAX]}")

    def close(self) -> None:
        """Write what is left and close the file."""
        if self._rest:
            self.feed(b"\n")
        self._file.close()
