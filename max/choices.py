"""What both patches, Max's and Pd's, offer and how they look."""

from accomptk.live.protocol import DIALS, MESSAGES, TABLE
from accomptk.stems.instruments import INSTRUMENTS

RING = 1 << 20
"""Samples a ring holds: 24 s at 44.1 kHz, more than twice the longest hop and gap."""
GONE_MS = 3000
"""A server that has been silent for so long is looked for again."""
HELLO_MS = 1000

HOPS = ("auto", "250ms", "500ms", "750ms", "1000ms", "1500ms")
GAPS = {"auto": "gap auto", "2": "lookahead 2", "3": "lookahead 3", "4": "lookahead 4"}
"""Look-ahead in the menu, and the setting it sends."""
LEAVES_IT = -0.1
"""Lower end of a dial whose values below 0 leave it to the model."""
FIGURES = {
    "max": {"bpm": "tempo", "gap_ms": "gap", "rtf": "rtf", "late": "late", "lost": "lost",
            "latency_ms": "latency"},
    "pd": {"bpm": "tempo", "gap_ms": "gap", "late": "late", "lost": "lost"},
}  # fmt: skip
"""Numbers of the server's that are shown, by argument, and what they are called."""
FIGURED = tuple(MESSAGES[f"/accomptk/{name}"] for name in ("state", "window", "tempo"))
"""The answers that they come with."""

TO_SERVER = [message for message in TABLE if message.direction == "in"]
TO_CLIENT = [message for message in TABLE if message.direction == "out"]

DARK, PAPER, PANEL, WHITE, ACCENT = "#26323f", "#f4f1ea", "#e6e1d6", "#ffffff", "#d9623b"

LOG = ("done", "fail", "notice", "late", "underrun", "file/out")
"""Answers that are shown as they come, in one line."""
CLIENT = {"max": "accomptk-max", "pd": "accomptk-pd"}
"""How the patches introduce themselves."""
PHASES = (
    "off", "looking for the server", "connected",
    "no answer: start accomptk live in a terminal",
)  # fmt: skip
"""What the status says; in odd phases the patch says hello."""

PROMPTS = ("prompt", "prompt/second")
BY_ITSELF = ("hello", "start", "audio/in", "clock")
"""Messages that the patch sends at the right time; nobody else should."""
TOLD = (
    *(dial.name for dial in DIALS), "mode", "hop", "lookahead", "beats-from", "steps", *PROMPTS,
    *(f"{name}-prompt" for name in INSTRUMENTS),
)  # fmt: skip
"""Controls that repeat their value when a stream begins."""

TURNED = (
    "connect", "mic", "speakers", "record", *INSTRUMENTS,
    *(f"{name}-gain" for name in INSTRUMENTS), *TOLD, "bpm", "meter",
)  # fmt: skip
"""Messages that turn a control; each is heard as ``<name>-set``."""
SENT = [item.name for item in TO_SERVER if item.name not in (*BY_ITSELF, *PROMPTS)]
"""Messages that go to the server as they are."""
INLET = [f"{name}-set" for name in TURNED] + ["host", "port", "reply-port", *SENT]
"""Where the messages go that the patches take from other objects."""

HELP = (
    ("connect 1", "as the switch does, 0 disconnects"),
    ("prompt slow jazz ballad", "the style, as does prompt/second"),
    ("prompt/stem bass walking", "the style of one of them"),
    ("energy 0.7", "density, brightness, tension, interpolation, temperature"),
    ("strings 0", "who plays"),
    ("hop 2, lookahead 1", "cells of the rows, from 0, mode and beats-from likewise"),
    ("beats 0 120 0 4", "sample, bpm, beat of the bar, meter"),
    ("reset, ping 1, packet_test 1 0.5 0.5", "and every other message of the table"),
    ("file/in 3 0 song.wav", "stream, sample, file, with --transport file"),
    ("host 192.168.1.9, port 7000, reply-port 8000", "where the server is, before connecting"),
    ("quit", "ends the server"),
)
"""Messages that both patches take, and what they do."""
