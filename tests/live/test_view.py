"""What is shown while it plays."""

import io
import json

from rich.console import Console

from accomptk.live.view import Panel, meter, open_view
from live_rig import Rig, noise


class Terminal(io.StringIO):
    def isatty(self):
        return True


def playing():
    rig = Rig().join()
    rig.say("prompt", "slow", "jazz")
    rig.stream_in(noise(3.0))
    return rig


def test_lines_where_there_is_no_terminal():
    rig, out = playing(), io.StringIO()
    with open_view(rig.stage, as_json=False, quiet=False, out=out) as view:
        view.follow(rig.desk)
        view.event("hello", {"client": "rig", "rate": 44100})
        view.event("tempo", {"values": (120.0, 1.0)})
        view.show()
    lines = out.getvalue().splitlines()
    assert lines[0] == "hello rig 44100"
    assert len(lines) == 2
    for word in ("playing", "hop 6 (500 ms), gap 3 (250 ms)", "drums", "none heard", "slow jazz"):
        assert word in lines[1]


def test_events_as_json():
    rig, out = playing(), io.StringIO()
    with open_view(rig.stage, as_json=True, quiet=True, out=out) as view:
        view.follow(rig.desk)
        view.event("late", {"values": (1, 2)})
        view.show()
    event = json.loads(out.getvalue())
    assert (event["event"], event["values"]) == ("late", [1, 2])


def test_quiet_says_nothing():
    rig, out = playing(), io.StringIO()
    with open_view(rig.stage, as_json=False, quiet=True, out=out) as view:
        view.follow(rig.desk)
        view.event("hello", {"client": "rig"})
        view.show()
    assert out.getvalue() == ""


def test_a_panel_on_a_terminal():
    rig, out = playing(), Terminal()
    with open_view(rig.stage, as_json=False, quiet=False, out=out) as view:
        assert isinstance(view, Panel)
        view.follow(rig.desk)
        view.event("fail", {"values": ("hop", "too long")})
        view.show()
    drawn = []
    panel = Panel(rig.stage, drawn.append)
    panel.follow(rig.desk)
    panel.show()
    text = io.StringIO()
    Console(file=text, width=90).print(drawn[0])
    for word in ("accomptk live: parrot", "playing", "in", "bass", "slow jazz", "0 of"):
        assert word in text.getvalue()


def test_meters():
    assert meter(-200).count("#") == 0
    assert meter(-30).count("#") == 10
    assert meter(6).count("#") == 20
