"""The shipped patches as graphs: boxes with their text, and cords, over all levels."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

MAX = Path(__file__).parents[1] / "max"
LINES = {"s": "sends", "send": "sends", "r": "gets", "receive": "gets"}
FACES = {
    "bng": (5, 6), "cnv": (0, 5), "hradio": (5, 6), "hsl": (7, 8), "nbx": (7, 8), "tgl": (3, 4),
    "vsl": (7, 8), "vu": (0, 3),
}  # fmt: skip
"""Where Pd's controls have the names that they send to and hear; 0 for nowhere."""


@dataclass(frozen=True)
class Box:
    """One box: its level, its kind, its text, and the names that it sends to and hears."""

    level: str
    id: str
    kind: str
    text: str
    sends: str = ""
    gets: str = ""

    @property
    def name(self) -> str:
        """The object's name."""
        return self.text.split()[0] if self.kind in ("newobj", "obj", "sub") else self.kind


@dataclass(frozen=True)
class Graph:
    """A patch."""

    boxes: tuple[Box, ...]
    cords: frozenset[tuple[Box, Box]]

    @cached_property
    def edges(self) -> dict[Box, set[Box]]:
        """Cords, the jumps from send to receive, and the ways into and out of subpatches."""
        edges: dict[Box, set[Box]] = {box: set() for box in self.boxes}
        for source, target in self.cords:
            edges[source].add(target)
        for box in self.boxes:
            if box.sends:
                edges[box].update(other for other in self.boxes if other.gets == box.sends)
        for box in self.boxes:
            if box.kind == "sub":
                inner = [b for b in self.boxes if b.level == f"{box.level}/{box.id}"]
                beyond = set(edges[box])
                edges[box].update(b for b in inner if b.name in ("inlet", "inlet~"))
                for port in (b for b in inner if b.name in ("outlet", "outlet~")):
                    edges[port].update(beyond)
        return edges

    def reach(self, start: Box) -> set[Box]:
        """All boxes that can be reached from this one."""
        found, left = {start}, [start]
        while left:
            new = self.edges[left.pop()] - found
            found |= new
            left.extend(new)
        return found


def _lines(text: str) -> dict[str, str]:
    """What a send or receive object sends or gets."""
    words = text.split()
    return {LINES[words[0]]: words[1]} if len(words) > 1 and words[0] in LINES else {}


def max_graph(name: str) -> Graph:
    """A .maxpat or .maxhelp."""
    boxes: list[Box] = []
    cords: set[tuple[Box, Box]] = set()
    _read_max(json.loads((MAX / name).read_text())["patcher"], "", boxes, cords)
    return Graph(tuple(boxes), frozenset(cords))


def _read_max(patcher: dict[str, Any], level: str, boxes: list[Box], cords: set[Any]) -> None:
    here = {}
    for item in patcher["boxes"]:
        raw = item["box"]
        text = str(raw.get("text", ""))
        kind = "sub" if "patcher" in raw else raw["maxclass"]
        here[raw["id"]] = Box(level, raw["id"], kind, text, **_lines(text))
        if kind == "sub":
            _read_max(raw["patcher"], f"{level}/{raw['id']}", boxes, cords)
    boxes.extend(here.values())
    for item in patcher["lines"]:
        source, target = (item["patchline"][end][0] for end in ("source", "destination"))
        cords.add((here[source], here[target]))


def pd_graph(name: str) -> Graph:
    """A .pd file."""
    text = (MAX / name).read_text().replace("\\$", "$")
    boxes: list[Box] = []
    cords: set[tuple[Box, Box]] = set()
    open_levels: list[tuple[str, list[Box]]] = []
    for serial, record in enumerate(re.split(r"(?<!\\);\n", text)):
        words = record.split()
        match words[:2]:
            case ["#N", "canvas"]:
                above = f"{open_levels[-1][0]}/" if open_levels else ""
                open_levels.append((f"{above}{serial}" if above else "", []))
                continue
            case ["#X", "connect"]:
                here = open_levels[-1][1]
                cords.add((here[int(words[2])], here[int(words[4])]))
                continue
            case ["#X", "restore"]:
                level, _ = open_levels.pop()
                box = Box(open_levels[-1][0], level.split("/")[-1], "sub", " ".join(words[4:]))
            case ["#X", str(kind)] if kind != "coords":
                box = _pd_box(open_levels[-1][0], str(serial), words)
            case _:
                continue
        boxes.append(box)
        open_levels[-1][1].append(box)
    return Graph(tuple(boxes), frozenset(cords))


def _pd_box(level: str, serial: str, words: list[str]) -> Box:
    kind, text = words[1], words[4:]
    if kind in ("floatatom", "listbox", "symbolatom"):
        names = {"gets": words[9], "sends": words[10]}
    elif kind == "obj" and text[0] in FACES:
        kind = text[0]
        names = dict(
            zip(("sends", "gets"), (text[at] if at else "" for at in FACES[kind]), strict=True)
        )
    else:
        return Box(level, serial, kind, " ".join(text), **_lines(" ".join(text)))
    names = {key: "" if name in ("-", "empty") else name for key, name in names.items()}
    return Box(level, serial, kind, " ".join(text), **names)
