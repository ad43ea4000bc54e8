"""What is seen of ``accomptk.maxpat``: each control between what sets it and what it sends.

A control hears ``accomptk-energy-set`` and says ``accomptk-energy``. In the patch they stand in a
grid of cells below the audio; their places in the presentation are those of the Pd patch.
"""

from typing import Any

from choices import ACCENT, DARK, FIGURES, GAPS, HOPS, LEAVES_IT, PANEL, WHITE
from max_canvas import Canvas, Node, Place, rgba

from accomptk.live.protocol import BEATS, DIALS, MODES
from accomptk.stems.instruments import INSTRUMENTS

WIDTH, HEIGHT = 780, 470
GRID, WORDS, GROUND = 640, 1460, 1600
"""Where in the patch controls, words and panels begin, from above."""
CELL, COLUMNS = (200, 160), 8


class Face:
    """The presentation of a patch."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.cells = self.words = self.ground = 0

    def fill(self) -> None:
        """Everything but the meters, which stand beside the audio."""
        self._header()
        self._strips()
        self._dials()
        self._prompts()
        self._settings()
        self._answers()
        self._panel((0, 0, WIDTH, 40), DARK)

    def _header(self) -> None:
        self._label("accomptk", (10, 7, 120, 28), WHITE, 20)
        self._switch((132, 9, 80, 22), "connect", "connect")
        status = self._shown((226, 10, 330, 22), "status-text")
        status.box._kwds["textcolor"] = rgba(WHITE)
        self._switch((590, 9, 70, 22), "record", "record")
        self._switch((668, 9, 70, 22), "speakers", "speakers", start=1)

    def _strips(self) -> None:
        self._panel((10, 50, 76, 216), PANEL)
        self._label("you", (16, 54, 60, 22), size=14)
        self._switch((18, 208, 60, 20), "mic", "mic")
        for i, name in enumerate(INSTRUMENTS):
            x = 94 + 88 * i
            self._panel((x, 50, 80, 216), PANEL)
            self._label(name, (x + 6, 54, 70, 22), size=14)
            self._switch((x + 8, 208, 64, 20), name, "play", start=1)
            self._field((x + 8, 236, 64, 22), f"{name}-prompt")

    def _dials(self) -> None:
        self._panel((542, 50, 228, 216), PANEL)
        self._label("how to play", (548, 54, 120, 22), size=14)
        for i, dial in enumerate(DIALS):
            low = 0 if dial.start >= 0 else LEAVES_IT
            self._control(
                "live.dial", (556 + 70 * (i % 3), 82 + 78 * (i // 3), 60, 48), dial.name,
                max(dial.start, low), parameter_type=0, parameter_mmin=low,
                parameter_mmax=dial.high, parameter_unitstyle=1, activedialcolor=rgba(ACCENT),
            )  # fmt: skip
        self._label("far left: as the model likes", (548, 242, 200, 20), size=11)

    def _prompts(self) -> None:
        self._panel((10, 274, 760, 54), PANEL)
        self._label("prompt", (14, 277, 200, 20))
        self._field((16, 298, 366, 24), "prompt")
        self._label("second prompt, for interpolation", (392, 277, 260, 20))
        self._field((394, 298, 366, 24), "prompt/second")

    def _settings(self) -> None:
        self._panel((10, 336, 544, 124), PANEL)
        self._choice((18, 360, 110, 18), "hop", HOPS, "hop")
        self._choice((148, 360, 150, 18), "lookahead", tuple(GAPS), "look-ahead, in hops")
        self._choice((318, 360, 150, 18), "mode", MODES, "mode")
        self._choice((18, 406, 170, 18), "beats-from", BEATS, "beats")
        for x, name, low, high, start in (
            (208, "bpm", 20, 400, 120), (268, "meter", 1, 32, 4), (318, "steps", 0, 64, 0)
        ):  # fmt: skip
            self._label(name, (x - 3, 386, 50, 20))
            kind = 0 if name == "bpm" else 1
            self._control(
                "live.numbox", (x, 406, 40, 18), name, start, parameter_type=kind,
                parameter_mmin=low, parameter_mmax=high, parameter_unitstyle=kind ^ 1,
            )  # fmt: skip
        self._button((378, 404, 40, 22), "downbeat", "one")
        self._button((428, 404, 50, 22), "reset", "reset")

    def _answers(self) -> None:
        self._panel((562, 336, 208, 124), PANEL)
        for i, (name, words) in enumerate(FIGURES["max"].items()):
            x, y = 570 + 66 * (i % 3), 340 + 42 * (i // 3)
            self._label(words, (x, y, 60, 20), size=11)
            form = "%.2f" if name == "rtf" else "%.0f"
            self._shown((x, y + 16, 60, 22), f"{name}-is", f"sprintf set {form}", 14)
        self._shown((18, 434, 530, 20), "last")
        warning = self._shown((570, 428, 196, 20), "rate-text", size=11)
        warning.box._kwds["textcolor"] = rgba(ACCENT)

    def _cell(self) -> tuple[int, int]:
        """The left top of the next cell."""
        column, row = self.cells % COLUMNS, self.cells // COLUMNS
        self.cells += 1
        return 30 + CELL[0] * column, GRID + CELL[1] * row

    def _control(self, kind: str, place: Place, name: str, start: float, **more: Any) -> None:
        x, y = self._cell()
        control = self.canvas.parameter(kind, x, y + 30, place, name, start, **more)
        self.canvas.obj(f"r accomptk-{name}-set", x, y).to(control)
        control.to(self.canvas.obj(f"s accomptk-{name}", x, y + 38 + place[3]))

    def _switch(self, place: Place, name: str, words: str, start: int = 0) -> None:
        self._control(
            "live.text", place, name, start, text=words, texton=words, mode=1,
            parameter_type=2, parameter_enum=["off", "on"], parameter_mmax=1,
            activebgoncolor=rgba(ACCENT), activetextoncolor=rgba(WHITE),
        )  # fmt: skip

    def _choice(self, place: Place, name: str, words: tuple[str, ...], label: str) -> None:
        """One of several words; its number, from 0, is what is said."""
        self._label(label, (place[0] - 3, place[1] - 20, 7 * len(label) + 14, 20))
        self._control(
            "live.tab" if len(words) < 5 else "live.menu", place, name, 0, parameter_type=2,
            parameter_enum=list(words), parameter_mmax=len(words) - 1,
        )  # fmt: skip

    def _button(self, place: Place, name: str, words: str) -> None:
        x, y = self._cell()
        button = self.canvas.face("textbutton", x, y, place, text=words, mode=0)
        button.to(self.canvas.obj(f"s accomptk-{name}", x, y + 40))

    def _field(self, place: Place, name: str) -> None:
        """A field whose words are sent with the return key."""
        x, y = self._cell()
        way = self.canvas.chain(x, y, f"r accomptk-{name}-set", "route bang")[-1]
        field = self.canvas.face(
            "textedit", x, y + 96, place, size=(76, 24), keymode=1, lines=1, bgcolor=rgba(WHITE),
            textcolor=rgba(DARK), rounded=4,
        )  # fmt: skip
        both = self.canvas.obj("t b l", x + 90, y + 36)
        way.to(field)
        way.to(both, outlet=1)
        both.to(self.canvas.obj("prepend set", x + 90, y + 66), outlet=1).to(field)
        both.to(field)
        field.to(self.canvas.obj("route text", x, y + 128)).to(
            self.canvas.obj(f"s accomptk-{name}", x + 66, y + 128)
        )

    def _label(self, words: str, place: Place, ink: str = DARK, size: float = 12) -> Node:
        x, y = 30 + CELL[0] * (self.words % COLUMNS), WORDS + 34 * (self.words // COLUMNS)
        self.words += 1
        return self.canvas.label(words, x, y, place, ink, size)

    def _shown(self, place: Place, name: str, form: str = "", size: float = 12) -> Node:
        """Words or a number of the server's."""
        x, y = self._cell()
        shown = self.canvas.label("", x, y + 72, place, size=size)
        self.canvas.chain(x, y, f"r accomptk-{name}", *form.splitlines())[-1].to(shown)
        return shown

    def _panel(self, place: Place, colour: str) -> None:
        self.canvas.panel(30 + 30 * self.ground, GROUND, place, colour)
        self.ground += 1
