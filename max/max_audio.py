"""The audio of ``accomptk.maxpat``.

One counter of samples drives the recording of what is heard and the playing of all stems; the
script ``accomptk.js`` carries packets between their rings and the server. Half a lap away from the
playing, everything is erased, so that what came too late is not heard a lap later.
"""

from choices import RING
from max_canvas import Canvas

from accomptk.live.protocol import CLOCK, MODES
from accomptk.stems.instruments import INSTRUMENTS

TICK_MS = 10


def rings(max_: Canvas) -> None:
    """What is heard goes into its ring; each stem comes out of its own."""
    heard = max_.obj("inlet", 30, 30)
    count = max_.obj(f"count~ 0 {CLOCK} 1 0", 200, 30)
    place = max_.obj(f"%~ {RING}.", 200, 80)
    record = max_.obj("poke~ accomptk-heard", 30, 130)
    heard.to(record)
    count.to(place).to(record, inlet=1)
    max_.obj(f"buffer~ accomptk-heard @samps {RING}", 30, 170)
    count.to(max_.chain(400, 80, f"snapshot~ {TICK_MS}", "s accomptk-count")[0])
    half, ahead = max_.chain(560, 80, f"+~ {RING // 2}.", f"%~ {RING}.")
    count.to(half)
    silence = max_.obj("sig~ 0.", 700, 116)
    for i, name in enumerate(INSTRUMENTS):
        x = 30 + 250 * i
        play = max_.obj(f"index~ accomptk-{name}", x, 260)
        place.to(play).to(max_.obj("outlet", x, 310))
        erase = max_.obj(f"poke~ accomptk-{name}", x, 370)
        silence.to(erase)
        ahead.to(erase, inlet=1)
        max_.obj(f"buffer~ accomptk-{name} @samps {RING}", x, 410)


def packets(max_: Canvas) -> None:
    """The script, what it is told, and what it sends."""
    script = max_.obj("js accomptk.js", 30, 260)
    script.to(max_.obj("s accomptk-send", 30, 300))
    told = {"count": "clock", "got-welcome": "welcome", "got-stems": "stems"}
    for i, (bus, message) in enumerate(told.items()):
        max_.chain(30 + 160 * i, 30, f"r accomptk-{bus}", f"prepend {message}")[-1].to(script)
    max_.obj("r accomptk-play", 510, 30).to(script)
    *_, mode = max_.chain(670, 30, "r accomptk-mode", "sel 0 1")
    for i, name in enumerate(MODES):
        mode.to(max_.msg(f"mode {name}", 670 + 120 * i, 110), outlet=i).to(script)
    *_, phase = max_.chain(920, 30, "r accomptk-phase", "sel 2")
    phase.to(max_.msg("forget", 920, 110), outlet=1).to(script)
    _, bpm, both, say = max_.chain(
        1060, 30, "r accomptk-downbeat", "f 120.", "pack 120. 4", "prepend downbeat"
    )
    say.to(script)
    max_.obj("r accomptk-bpm", 1200, 30).to(bpm, inlet=1)
    max_.obj("r accomptk-meter", 1200, 66).to(both, inlet=1)
