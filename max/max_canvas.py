"""A Max patcher made with py2max, with the ports that py2max's reference has wrong or not at all.

The methods have the names and manners of ``pd_canvas``, so that both patches read alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from choices import DARK
from py2max import Patcher
from py2max.core.box import Box
from py2max.core.common import Rect, box_width_for, text_width

OUTLETS = {
    "buffer~": ["float", "bang"],
    "count~": ["signal"],
    "dspstate~": ["int", "float", "int", "int"],
    "delay": ["bang"],
    "gate": [""],
    "metro": ["bang"],
    "poke~": ["signal"],
    "savedialog": ["", "", "bang"],
    "sfrecord~": ["signal"],
    "snapshot~": ["float"],
    "udpreceive": [""],
}
"""What comes out of objects, where py2max would guess."""
FACES = {
    "ezdac~": (2, []),
    "live.dial": (1, ["", "float"]),
    "live.gain~": (1, ["signal", "", "float", "list"]),  # of one channel
    "live.menu": (1, ["", "", "float"]),
    "live.meter~": (1, ["float", "int"]),
    "live.numbox": (1, ["", "float"]),
    "live.tab": (1, ["", "", "float"]),
    "live.text": (1, ["", ""]),
    "panel": (1, []),
    "textbutton": (1, ["", "", "int"]),
    "textedit": (1, ["", "int", "", ""]),
}
"""Inlets, and what comes out, of the objects that are seen."""

WIDEST = 1100
"""Longer texts go on in a further line of their box."""
Place = tuple[int, int, int, int]
"""Left, top, width and height."""


def rgba(colour: str) -> list[float]:
    """``#rrggbb`` as Max writes colours."""
    return [round(int(colour[i : i + 2], 16) / 255, 4) for i in (1, 3, 5)] + [1.0]


@dataclass(frozen=True, slots=True)
class Node:
    """One box of a canvas."""

    canvas: "Canvas"
    box: Box

    def to(self, *targets: "Node", outlet: int = 0, inlet: int = 0) -> "Node":
        """Draw cords to all targets; returns the last one, so that chains read on."""
        for target in targets:
            self.canvas.patcher.add_line(self.box, target.box, outlet=outlet, inlet=inlet)
        return targets[-1]


class Canvas:
    """One window of a patch.

    Args:
        width: Of the window, in pixels.
        height: Likewise.
        parent: The patcher that a subpatch is in.
    """

    def __init__(self, width: int, height: int, parent: Patcher | None = None) -> None:
        self.patcher = Patcher(
            parent=parent, auto_layout=False, strict=True, openinpresentation=int(parent is None)
        )
        self.patcher.rect = Rect(60, 90, width, height)

    def obj(self, text: str, x: int, y: int) -> Node:
        """An object box."""
        box = self.patcher.add_textbox(text, patching_rect=Rect(x, y, 0, 22))
        kinds = OUTLETS.get(text.split()[0])
        if kinds is not None:
            box.numoutlets, box._kwds["outlettype"] = len(kinds), kinds
        if text.startswith("sfrecord~ "):
            box.numinlets = int(text.split()[1])
        wide = box_width_for(text, max(box.numinlets, box.numoutlets))
        lines = 1 + int(wide // WIDEST)
        size = (min(wide, WIDEST), 8 + 14 * lines)
        port = box.maxclass in ("inlet", "outlet")
        box.patching_rect = Rect(x, y, *((30, 30) if port else size))
        return Node(self, box)

    def chain(self, x: int, y: int, *texts: str) -> list[Node]:
        """Objects below each other, each connected to the next."""
        nodes = [self.obj(text, x, y + 36 * i) for i, text in enumerate(texts)]
        for above, below in pairwise(nodes):
            above.to(below)
        return nodes

    def msg(self, text: str, x: int, y: int) -> Node:
        """A message box."""
        place = Rect(x, y, box_width_for(text, 2), 22)
        return Node(self, self.patcher.add_message(text, patching_rect=place))

    def text(self, text: str, x: int, y: int) -> Node:
        """A comment."""
        place = Rect(x, y, round(text_width(text)) + 16, 20)
        return Node(self, self.patcher.add_comment(text, patching_rect=place))

    def face(
        self, kind: str, x: int, y: int, place: Place, size: tuple[int, int] = (0, 0), **more: Any
    ) -> Node:
        """An object that is seen: at x, y in the patch and at ``place`` in the presentation."""
        inlets, outlets = FACES[kind]
        box = Box(
            id=self.patcher.get_id(kind),
            maxclass=kind,
            numinlets=inlets,
            numoutlets=len(outlets),
            outlettype=outlets or None,
            patching_rect=Rect(x, y, size[0] or place[2], size[1] or place[3]),
            presentation=1,
            presentation_rect=Rect(*place),
            **more,
        )
        return Node(self, self.patcher.add_box(box))

    def parameter(
        self, kind: str, x: int, y: int, place: Place, name: str, start: float, **more: Any
    ) -> Node:
        """A control that Max stores: of a live.* kind, with its range or its choices."""
        value = {
            "parameter_longname": f"accomptk {name}",
            "parameter_shortname": name,
            "parameter_initial": [start],
            "parameter_initial_enable": 1,
            **{key: more.pop(key) for key in list(more) if key.startswith("parameter_")},
        }
        return self.face(
            kind, x, y, place, varname=f"accomptk {name}", parameter_enable=1,
            saved_attribute_attributes={"valueof": value}, **more,
        )  # fmt: skip

    def label(
        self, text: str, x: int, y: int, place: Place, ink: str = DARK, size: float = 12
    ) -> Node:
        """Words of the presentation."""
        box = self.patcher.add_comment(
            text, patching_rect=Rect(x, y, min(place[2], 176), place[3]), presentation=1,
            presentation_rect=Rect(*place), textcolor=rgba(ink), fontsize=size,
        )  # fmt: skip
        return Node(self, box)

    def panel(self, x: int, y: int, place: Place, colour: str) -> Node:
        """A coloured rectangle behind the rest of the presentation."""
        return self.face(
            "panel",
            x,
            y,
            place,
            size=(16, 16),
            bgfillcolor=rgba(colour),
            background=1,
            ignoreclick=1,
            rounded=0,
        )

    def sub(
        self, name: str, x: int, y: int, size: tuple[int, int], fill: Callable[["Canvas"], None]
    ) -> Node:
        """A subpatch that ``fill`` fills."""
        inner = Canvas(*size, parent=self.patcher)
        fill(inner)
        box = self.patcher.add_subpatcher(f"p {name}", patcher=inner.patcher)
        box.render()
        ports = max(box.numinlets, box.numoutlets)
        box.patching_rect = Rect(x, y, box_width_for(f"p {name}", ports), 22)
        return Node(self, box)
