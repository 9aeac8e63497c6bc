"""baresip phones that play a tone and record what they hear."""

from __future__ import annotations

import math
import struct
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

from voip.platform import tools

MODULES = tools.baresip_modules()
RATE = 8000

_CONFIG = """poll_method epoll
sip_listen {host}:{port}
net_interface {host}
rtp_ports {rtp}-{rtp_last}
audio_source aufile,{tone}
audio_player aubridge,{name}
audio_alert aubridge,{name}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {folder}
module_tmp account.so
module_app menu.so
"""


def write_tone(path: Path, frequency_hz: float, length_s: float = 60.0) -> None:
    """Write a WAV file with one tone: the call ends with the file, so it is long."""
    count = int(RATE * length_s)
    samples = (int(12_000 * math.sin(2 * math.pi * frequency_hz * n / RATE)) for n in range(count))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def tone_power(path: Path, frequency_hz: float) -> float:
    """Return the share (0 to 1) of a recording's power at one frequency (Goertzel), in its best half second."""
    with wave.open(str(path), "rb") as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    best = 0.0
    window = rate // 2
    for start in range(0, max(1, len(samples) - window), window):
        part = samples[start : start + window]
        total = sum(value * value for value in part)
        if total / len(part) < 1_000:
            continue
        step = 2 * math.pi * frequency_hz / rate
        real = sum(value * math.cos(step * n) for n, value in enumerate(part))
        imaginary = sum(value * math.sin(step * n) for n, value in enumerate(part))
        best = max(best, 2 * (real * real + imaginary * imaginary) / (len(part) * total))
    return best


@dataclass
class Baresip:
    """One phone; ``host`` and ``port`` its own, TLS takes the port above."""

    folder: Path
    name: str
    password: str
    host: str
    port: int
    rtp: int
    server: tuple[str, int]
    tone_hz: float
    answers: bool = False
    transport: str = "udp"
    extra_config: str = ""
    control: int = 0
    """Port at which it takes commands while it runs, 0 for none."""
    process: subprocess.Popen[bytes] | None = None

    def start(self, *commands: str, seconds: int = 30) -> None:
        """Start it; ``commands`` are what a user would type."""
        self.folder.mkdir(parents=True)
        tone = self.folder / "tone.wav"
        write_tone(tone, self.tone_hz)
        values = {"host": self.host, "port": self.port, "rtp": self.rtp, "rtp_last": self.rtp + 8, "tone": tone,
                  "name": self.name, "modules": MODULES, "folder": self.folder}  # fmt: skip
        config = _CONFIG.format(**values) + self.extra_config
        if self.control:
            config += f"module_app ctrl_tcp.so\nctrl_tcp_listen {self.host}:{self.control}\n"
        (self.folder / "config").write_text(config)
        mode = "auto" if self.answers else "manual"
        (self.folder / "accounts").write_text(
            f"<sip:{self.name}@{self.server[0]}:{self.server[1]};transport={self.transport}>;auth_user={self.name};"
            f"auth_pass={self.password};answermode={mode};audio_codecs=pcma;regint=60\n"
        )
        (self.folder / "contacts").write_text("")
        arguments = [part for command in commands for part in ("-e", command)]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["baresip", "-f", str(self.folder), "-t", str(seconds), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text(errors="replace")

    def heard(self) -> Path:
        """Return the recording of what it heard."""
        return max(self.folder.glob("*-dec.wav"), key=lambda path: path.stat().st_size)

    def stop(self) -> None:
        """Hang up and end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
