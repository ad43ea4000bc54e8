"""The patches are as they are made, sound by Max's reference, and true to the table of messages."""

import itertools
import json
import re
import subprocess
import sys

import pytest
from py2max import Patcher
from py2max.maxref import get_object_info

from accomptk.live.protocol import CLOCK, MESSAGES, PACKET_FLOATS, TABLE
from accomptk.stems.instruments import INSTRUMENTS
from patch_graphs import FACES, MAX, Box, Graph, max_graph, pd_graph

ADDRESS = re.compile(r"/accomptk/[a-z_/]+")
PATCHES = ("accomptk.maxpat", "accomptk.maxhelp")
TO_SERVER = {message.address for message in TABLE if message.direction == "in"}
TO_CLIENT = {message.address for message in TABLE if message.direction == "out"}
PLAYED = "/accomptk/audio/out"


@pytest.fixture(scope="module")
def patch() -> Graph:
    return max_graph("accomptk.maxpat")


@pytest.fixture(scope="module")
def pd() -> Graph:
    return pd_graph("accomptk.pd")


def test_files_are_as_they_are_made() -> None:
    done = subprocess.run(
        [sys.executable, str(MAX / "build.py"), "--check"], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PATCHES)
def test_max_finds_nothing_wrong(name: str) -> None:
    findings = Patcher.from_file(MAX / name).lint()

    # The window is as large as the presentation; what is not presented may lie outside of it.
    assert [f for f in findings if f.code != "W-OFFCANVAS" or "/" in f.obj_id] == []


@pytest.mark.parametrize("name", PATCHES)
def test_boxes_are_whole_and_cords_end_at_ports(name: str) -> None:
    def walk(patcher):
        boxes = {item["box"]["id"]: item["box"] for item in patcher["boxes"]}
        assert len(boxes) == len(patcher["boxes"])
        for box in boxes.values():
            assert {"id", "maxclass", "numinlets", "numoutlets", "patching_rect"} <= box.keys()
            assert len(box.get("outlettype", [])) == box["numoutlets"]
            if "patcher" in box:
                walk(box["patcher"])
        for item in patcher["lines"]:
            (source, outlet), (target, inlet) = (
                item["patchline"][end] for end in ("source", "destination")
            )
            assert outlet < boxes[source]["numoutlets"]
            assert inlet < boxes[target]["numinlets"]

    walk(json.loads((MAX / name).read_text())["patcher"])


@pytest.mark.parametrize("name", PATCHES)
def test_only_objects_of_max_are_used(name: str) -> None:
    for box in max_graph(name).boxes:
        full = {"s": "send", "r": "receive", "p": "patcher", "t": "trigger", "sel": "select"}
        assert get_object_info(full.get(box.name, box.name)), box


def test_messages_to_objects_are_known_to_max(patch: Graph) -> None:
    known = {"set", "append", "stop", "open", "port", "host", "maxqueuesize"}
    for source, target in patch.cords:
        word, *_ = (source.text.removeprefix("prepend ").removeprefix("loadmess ") + " ").split(" ")
        if source.name in ("message", "prepend", "loadmess") and word in known and not target.sends:
            assert word in get_object_info(target.name)["methods"], (source, target)


def test_the_script_knows_what_it_is_told(patch: Graph) -> None:
    script = (MAX / "accomptk.js").read_text()
    functions = set(re.findall(r"^function (\w+)", script, re.MULTILINE))
    told = {
        source.text.removeprefix("prepend ").split()[0]
        for source, target in patch.cords
        if target.text == "js accomptk.js" and not source.gets
    }

    assert told
    assert told <= functions
    assert f"var PACKET = {PACKET_FLOATS};" in script
    assert f"var CLOCK = {CLOCK};" in script


def test_max_speaks_the_table_and_nothing_else(patch: Graph) -> None:
    texts = [box.text for box in patch.boxes] + [(MAX / "accomptk.js").read_text()]

    assert {found for text in texts for found in ADDRESS.findall(text)} == set(MESSAGES)


def test_pd_speaks_the_table_and_nothing_else(pd: Graph) -> None:
    said = {pd_address(box.text.split()) for box in pd.boxes if box.name == "oscformat"}
    got = {box.sends for box in pd.boxes if box.sends.startswith("$0-got-")}

    assert said == TO_SERVER
    assert {f"/accomptk/{name.removeprefix('$0-got-')}" for name in got} == TO_CLIENT - {PLAYED}


def pd_address(words: list[str]) -> str:
    return "/" + "/".join(words[3:] if words[1] == "-f" else words[1:])


def test_pd_states_the_types_of_the_table(pd: Graph) -> None:
    for box in pd.boxes:
        match box.text.split():
            case ["oscformat", "-f", kinds, *_] as words:
                tags = [item.tags for item in MESSAGES[pd_address(words)].arguments]
                assert all(kind == tag for kind, tag in zip(kinds, tags, strict=False))


def test_the_read_me_speaks_the_table_and_nothing_else() -> None:
    assert set(ADDRESS.findall((MAX / "README.md").read_text())) == set(MESSAGES)


SEEN_OR_HEARD = {"comment", "print", "ezdac~", "js", "floatatom", "listbox", "symbolatom", "tgl"}
SOCKETS = {"udpsend", "netsend"}


@pytest.mark.parametrize("address", sorted(TO_CLIENT))
def test_every_answer_is_heard_seen_or_answered(patch: Graph, pd: Graph, address: str) -> None:
    bus = "play" if address == PLAYED else f"got-{address.removeprefix('/accomptk/')}"
    for graph, prefix in ((patch, "accomptk-"), (pd, "$0-")):
        (start,) = (box for box in graph.boxes if box.sends == prefix + bus)
        names = {box.name for box in graph.reach(start)}
        assert names & (SEEN_OR_HEARD | SOCKETS | {"array"}), bus


def controls(graph: Graph) -> list[Box]:
    kinds = {"live.text", "live.dial", "live.menu", "live.tab", "live.numbox", "textedit"}
    atoms = {"listbox", "textbutton"}
    return [
        box for box in graph.boxes if box.name in kinds | atoms | FACES.keys() and not silent(box)
    ]


def silent(box: Box) -> bool:
    """Whether a control of Pd says nothing, or shows what only the server changes."""
    return box.name in FACES | {"listbox": 0} and box.sends in ("", "$0-rate-differs")


@pytest.mark.parametrize("which", ["patch", "pd"])
def test_every_control_reaches_the_server_or_the_sound(
    which: str, request: pytest.FixtureRequest
) -> None:
    graph = request.getfixturevalue(which)
    found = controls(graph)

    assert len(found) > 30
    for box in found:
        names = {other.name for other in graph.reach(box)}
        assert names & (SOCKETS | {"*~", "sfrecord~", "writesf~"}), box


def test_all_sound_reaches_the_loudspeaker(patch: Graph, pd: Graph) -> None:
    for graph, player, out in ((patch, "index~", "ezdac~"), (pd, "tabplay~", "dac~")):
        players = [box for box in graph.boxes if box.name == player]
        assert {box.text.split("-")[1] for box in players} == set(INSTRUMENTS)
        for box in players:
            assert out in {other.name for other in graph.reach(box)}


@pytest.mark.parametrize("which", ["patch", "pd"])
def test_every_name_that_is_said_is_heard(which: str, request: pytest.FixtureRequest) -> None:
    boxes = request.getfixturevalue(which).boxes
    said, heard = {box.sends for box in boxes}, {box.gets for box in boxes}

    assert said ^ heard <= {"", "$0-rate-differs"}


def test_the_presentation_is_tidy() -> None:
    boxes = [item["box"] for item in json.loads((MAX / PATCHES[0]).read_text())["patcher"]["boxes"]]
    seen = [box for box in boxes if box.get("presentation") and box["maxclass"] != "panel"]

    for box in seen:
        x, y, width, height = box["presentation_rect"]
        assert min(x, y) >= 0
        assert x + width <= 780
        assert y + height <= 470
    places = [box["presentation_rect"] for box in seen if box["maxclass"] != "comment"]
    for (x, y, w, h), (a, b, c, d) in itertools.combinations(places, 2):
        assert x + w <= a or a + c <= x or y + h <= b or b + d <= y
