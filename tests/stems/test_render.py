import shutil

import numpy as np
import pytest

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems import render
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.notes import Note, Part, Take, to_midi
from accomptk.stems.render import SOUNDFONTS, find_program, find_soundfont, fit, render_midi

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None,
    reason="fluidsynth is not installed: apt-get install fluidsynth",
)
CLAVES = 75


def installed() -> str:
    """The lightest soundfont that is here."""
    for name in ("TimGM6mb", "GMbank", "FluidR3_GM", "MuseScore_General"):
        try:
            find_soundfont(name)
        except MissingTool:
            continue
        return name
    pytest.skip("no soundfont is installed: apt-get install timgm6mb-soundfont")


def song(*times_s: float, pitch: int = CLAVES, instrument: str = "drums") -> bytes:
    part = Part(instrument, instrument, 0, tuple(Note(t, t + 0.2, pitch, 110) for t in times_s))
    return to_midi([Take(0.0, [part])], float)


@needs_fluidsynth
def test_notes_sound_when_they_are_written():
    times_s = np.arange(0.25, 8, 0.5)
    wav = render_midi(song(*times_s), find_soundfont(installed()), 8.5, reverb=False)
    assert wav.shape == (round(8.5 * SAMPLE_RATE),)
    assert wav.dtype == np.float32
    for time_s in times_s:
        at = round(time_s * SAMPLE_RATE)
        before, after = wav[at - 2000 : at - 100], wav[at : at + 1000]
        assert np.abs(after).max() > 10 * np.abs(before).max()
    assert np.abs(wav).max() < 1.0


@needs_fluidsynth
def test_the_same_midi_gives_the_same_samples():
    midi, soundfont = song(0.1, 0.5, pitch=60, instrument="piano"), find_soundfont(installed())
    first = render_midi(midi, soundfont)
    np.testing.assert_array_equal(render_midi(midi, soundfont), first)


@needs_fluidsynth
def test_what_cannot_be_played_is_one_line(tmp_path):
    soundfont = find_soundfont(installed())
    with pytest.raises(DatasetError, match=r"song\.mid: FluidSynth cannot play it"):
        render_midi(b"nonsense", soundfont)
    junk = tmp_path / "junk.sf2"
    junk.write_bytes(b"junk")
    with pytest.raises(DatasetError, match=r"junk\.sf2: not a soundfont"):
        render_midi(song(0.1), junk)
    with pytest.raises(DatasetError, match=r"none\.sf2: not a soundfont"):
        render_midi(song(0.1), tmp_path / "none.sf2")


def test_missing_tools_name_the_command(monkeypatch):
    monkeypatch.setattr(render, "_FOLDERS", ())
    for name, font in SOUNDFONTS.items():
        with pytest.raises(MissingTool, match=f"{name} is not installed: apt-get install"):
            find_soundfont(name)
        assert font.license
    with pytest.raises(MissingTool, match="apt-get install nosuchprogram"):
        find_program("nosuchprogram")


def test_fit_cuts_and_pads():
    wav = np.ones(4, np.float32)
    np.testing.assert_array_equal(fit(wav, 2), [1, 1])
    np.testing.assert_array_equal(fit(wav, 6), [1, 1, 1, 1, 0, 0])
