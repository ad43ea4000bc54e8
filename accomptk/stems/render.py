"""Sound from MIDI: the FluidSynth program and the soundfonts that Debian ships."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.audio import SAMPLE_RATE

_FOLDERS = tuple(
    Path(root) / kind
    for root in ("/usr/share/sounds", "/usr/local/share/sounds")
    for kind in ("sf2", "sf3")
)
_GAIN = "0.4"  # the loudest song stays below full scale
_REVERB = {"room-size": "0.4", "damp": "0.4", "width": "0.8", "level": "0.5"}


class SoundFont(NamedTuple):
    """A General MIDI soundfont."""

    file_name: str
    package: str  # Debian's
    license: str


SOUNDFONTS = {
    "FluidR3_GM": SoundFont("FluidR3_GM.sf2", "fluid-soundfont-gm", "MIT"),
    "MuseScore_General": SoundFont(
        "MuseScore_General_Full.sf3", "musescore-general-soundfont", "MIT"
    ),
    "GMbank": SoundFont("sf_GMbank.sf2", "csound-soundfont", "public domain"),
    "TimGM6mb": SoundFont("TimGM6mb.sf2", "timgm6mb-soundfont", "GPL-2+"),
}


def find_program(name: str) -> str:
    """Path of a program.

    Raises:
        MissingTool: If it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingTool(f"{name} is not installed: apt-get install {name}")
    return path


def find_soundfont(name: str) -> Path:
    """Path of one of SOUNDFONTS.

    Raises:
        MissingTool: If it is not installed.
    """
    font = SOUNDFONTS[name]
    for folder in _FOLDERS:
        if (folder / font.file_name).is_file():
            return folder / font.file_name
    raise MissingTool(f"soundfont {name} is not installed: apt-get install {font.package}")


def render_midi(
    midi: bytes | Path, soundfont: Path, seconds: float | None = None, *, reverb: bool = True
) -> NDArray[np.float32]:
    """Play a MIDI file through FluidSynth, faster than real time.

    Args:
        midi: The file or what is in it.
        soundfont: A .sf2 or .sf3 file.
        seconds: Length, cut or padded with silence; None for as long as it sounds.
        reverb: Whether channels that ask for reverb get it; costs half as much again.

    Returns:
        Mono samples [N] at SAMPLE_RATE; both channels averaged.

    Raises:
        MissingTool: If FluidSynth is not installed.
        DatasetError: If the soundfont is none, or FluidSynth cannot play the file.
    """
    _check_soundfont(soundfont)
    with tempfile.TemporaryDirectory() as folder:
        path = midi if isinstance(midi, Path) else Path(folder) / "song.mid"
        if isinstance(midi, bytes):
            path.write_bytes(midi)
        command = [find_program("fluidsynth"), *_options(reverb), str(soundfont), str(path)]
        done = subprocess.run(command, capture_output=True, check=False)
    stereo = np.frombuffer(done.stdout, dtype="<f4", count=len(done.stdout) // 8 * 2)
    if done.returncode != 0 or len(stereo) == 0:
        reason = " ".join(done.stderr.decode(errors="replace").split()[-30:])
        raise DatasetError(f"{path.name}: FluidSynth cannot play it ({reason})")
    mono = stereo.reshape(-1, 2).mean(axis=1, dtype=np.float32)
    return mono if seconds is None else fit(mono, round(seconds * SAMPLE_RATE))


def _check_soundfont(path: Path) -> None:
    """Refuse what FluidSynth would replace by its default without failing."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        head = b""
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise DatasetError(f"{path}: not a soundfont; give a .sf2 or .sf3 file")


def _options(reverb: bool) -> list[str]:
    """Settings for raw stereo floats on stdout, the same on any machine."""
    settings = {
        "synth.dynamic-sample-loading": "1",
        "synth.cpu-cores": "1",
        "synth.chorus.active": "0",
        "synth.reverb.active": str(int(reverb)),
        **{f"synth.reverb.{key}": value for key, value in _REVERB.items()},
    }
    options = [f"-o{key}={value}" for key, value in settings.items()]
    return ["-niq", "-g", _GAIN, "-r", str(SAMPLE_RATE), "-Traw", "-Ofloat", "-F-", *options]


def fit(wav: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Cut [N] to ``length`` samples, or pad it with silence at its end."""
    return np.pad(wav[:length], (0, max(length - len(wav), 0)))
