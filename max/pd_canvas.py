"""A Pure Data canvas that is written as Pd writes it: objects in order, then their cords."""

from dataclasses import dataclass, field
from itertools import pairwise

from choices import ACCENT, DARK, WHITE

_FONT = 12


def escape(text: str) -> str:
    r"""Text as a patch file holds it: ``$0`` is ``\$0``, and separators are not separators."""
    for mark in (",", ";", "$"):
        text = text.replace(mark, f"\\{mark}")
    return text


def symbol(text: str) -> str:
    """A label of several words as one symbol; ``empty`` for none."""
    return escape(text).replace(" ", "\\ ") or "empty"


@dataclass(frozen=True, slots=True)
class Node:
    """One object of a canvas, by its number."""

    canvas: "Canvas"
    index: int

    def to(self, *targets: "Node", outlet: int = 0, inlet: int = 0) -> "Node":
        """Draw cords to all targets; returns the last one, so that chains read on."""
        for target in targets:
            self.canvas.cords.append((self.index, outlet, target.index, inlet))
        return targets[-1]


@dataclass(slots=True)
class Canvas:
    """One window of a patch.

    Args:
        width: Of the window, in pixels.
        height: Likewise.
        name: Of a subpatch; empty for the file's own canvas.
        face: Width and height of the part that is seen when the patch is an object in another.
    """

    width: int
    height: int
    name: str = ""
    face: tuple[int, int] | None = None
    items: list[list[str]] = field(default_factory=list)
    cords: list[tuple[int, int, int, int]] = field(default_factory=list)

    def _add(self, *lines: str) -> Node:
        self.items.append(list(lines))
        return Node(self, len(self.items) - 1)

    def obj(self, text: str, x: int, y: int) -> Node:
        """An object box."""
        return self._add(f"#X obj {x} {y} {escape(text)};")

    def chain(self, x: int, y: int, *texts: str) -> list[Node]:
        """Objects below each other, each connected to the next."""
        nodes = [self.obj(text, x, y + 30 * i) for i, text in enumerate(texts)]
        for above, below in pairwise(nodes):
            above.to(below)
        return nodes

    def msg(self, text: str, x: int, y: int) -> Node:
        """A message box; ``,`` and ``;`` separate messages as they do in Pd."""
        marked = text.replace("$", "\\$").replace(",", " \\,").replace(";", "\\;")
        return self._add(f"#X msg {x} {y} {marked};")

    def text(self, text: str, x: int, y: int, columns: int = 0) -> Node:
        """A comment, ``columns`` characters wide (0: as wide as it is)."""
        width = f", f {columns}" if columns else ""
        marked = escape(text).replace("\\,", " \\,")
        return self._add(f"#X text {x} {y} {marked}{width};")

    def atom(
        self, kind: str, x: int, y: int, columns: int, send: str = "-", get: str = "-"
    ) -> Node:
        """A number, symbol or list box: ``floatatom``, ``symbolatom`` or ``listbox``."""
        names = f"{escape(get)} {escape(send)}"
        return self._add(f"#X {kind} {x} {y} {columns} 0 0 0 - {names} {_FONT};")

    def panel(
        self, x: int, y: int, width: int, height: int, colour: str, label: str = "",
        get: str = "empty", ink: str = DARK, font: int = _FONT, at: tuple[int, int] = (8, 14),
    ) -> Node:  # fmt: skip
        """A coloured rectangle with a label."""
        return self._add(
            f"#X obj {x} {y} cnv 5 {width} {height} empty {escape(get)} {symbol(label)}"
            f" {at[0]} {at[1]} 0 {font} {colour} {ink} 0;"
        )

    def label(self, x: int, y: int, text: str, colour: str, font: int = _FONT) -> Node:
        """Words on a coloured ground, which unlike a comment are seen in a face."""
        return self.panel(x, y, 6, 14, colour, text, font=font, at=(0, 8))

    def toggle(
        self, x: int, y: int, name: str, label: str, on: bool = False, ink: str = DARK
    ) -> Node:
        """A switch that sends to ``name`` and is set by ``name-set``."""
        return self._add(
            f"#X obj {x} {y} tgl 18 1 {escape(name)} {escape(name)}-set {symbol(label)}"
            f" 24 9 0 {_FONT} {WHITE} {ACCENT} {ink} {int(on)} 1;"
        )

    def button(self, x: int, y: int, name: str, label: str) -> Node:
        """A button that bangs ``name``."""
        return self._add(
            f"#X obj {x} {y} bng 18 250 50 0 {escape(name)} empty {symbol(label)}"
            f" 24 9 0 {_FONT} {WHITE} {ACCENT} {DARK};"
        )

    def slider(
        self, x: int, y: int, length: int, low: float, high: float, start: float, name: str,
        label: str = "", upright: bool = False,
    ) -> Node:  # fmt: skip
        """A slider from ``low`` to ``high`` that begins, and says so, at ``start``."""
        kind, size = ("vsl", f"16 {length}") if upright else ("hsl", f"{length} 16")
        place = "0 -9" if upright else f"{length + 10} 8"
        value = round((start - low) / (high - low) * (length - 1) * 100)
        return self._add(
            f"#X obj {x} {y} {kind} {size} {low:g} {high:g} 0 1 {escape(name)} {escape(name)}-set"
            f" {symbol(label)} {place} 0 {_FONT} {WHITE} {ACCENT} {DARK} {value} 1;"
        )

    def number(
        self, x: int, y: int, digits: int, low: float, high: float, start: float, name: str,
        label: str = "",
    ) -> Node:  # fmt: skip
        """A number box that begins, and says so, at ``start``."""
        return self._add(
            f"#X obj {x} {y} nbx {digits} 18 {low:g} {high:g} 0 1 {escape(name)} {escape(name)}-set"
            f" {symbol(label)} 0 -9 0 {_FONT} {WHITE} {DARK} {DARK} {start:g} 256;"
        )

    def radio(self, x: int, y: int, cells: int, start: int, name: str, label: str = "") -> Node:
        """A row of ``cells`` of which one is chosen; says so when it is loaded."""
        return self._add(
            f"#X obj {x} {y} hradio 18 1 1 {cells} {escape(name)} {escape(name)}-set"
            f" {symbol(label)} 0 -9 0 {_FONT} {WHITE} {ACCENT} {DARK} {start};"
        )

    def meter(self, x: int, y: int, height: int, name: str) -> Node:
        """A level meter in decibels."""
        return self._add(
            f"#X obj {x} {y} vu 12 {height} {escape(name)} empty -1 -8 0 {_FONT} {DARK} {DARK} 0 0;"
        )

    def sub(self, canvas: "Canvas", x: int, y: int) -> Node:
        """A subpatch."""
        *lines, end = canvas.lines()
        return self._add(*lines, f"{end[:-1]} {x} {y} pd {canvas.name};")

    def lines(self) -> list[str]:
        """The canvas as a patch file holds it; the last line waits for the place of a subpatch."""
        name = f"{self.name} 0" if self.name else "12"
        body = [line for item in self.items for line in item]
        cords = [f"#X connect {' '.join(map(str, cord))};" for cord in self.cords]
        face = [f"#X coords 0 -1 1 1 {self.face[0]} {self.face[1]} 2 0 0;"] if self.face else []
        end = ["#X restore;"] if self.name else []
        return [
            f"#N canvas 60 60 {self.width} {self.height} {name};", *body, *cords, *face, *end,
        ]  # fmt: skip

    def text_of_file(self) -> str:
        """The patch file."""
        return "\n".join(self.lines()) + "\n"
