"""Audio as a page carries it: Opus in WebM, which every browser decodes, and its outline.

Safari plays Opus in WebM since version 15, whereas Ogg fails in some versions to this day.
"""

import base64
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.run import cores
from accomptk.stems.audio import read_audio, to_mono
from accomptk.stems.render import find_program

LOWEST_KBPS, HIGHEST_KBPS = 18.0, 64.0
PACKET_MS = 60  # long packets, as WebM spends some bytes on each
OUTLINE_COLUMNS = 480

Wav = NDArray[np.float32]
Ensemble = Sequence[Path]
"""Files of equal length that are heard together: a context, then stems that play along to it."""


class Sound(NamedTuple):
    """One signal of a page.

    Attributes:
        data: WebM with Opus, in base64.
        outline: Largest magnitude of each of ``OUTLINE_COLUMNS`` stretches as a byte, in base64.
    """

    data: str
    outline: str


class Recording(NamedTuple):
    """An ensemble, encoded.

    Attributes:
        sounds: One a file.
        seconds: Length.
        gain: Amplitude factor at which the context and no stem clip together.
    """

    sounds: tuple[Sound, ...]
    seconds: float
    gain: float


def count_fitting(groups: Sequence[Sequence[Ensemble]], budget_bytes: float) -> int:
    """How many groups, from the first on, fit at the lowest rate; at least one."""
    for count, group in enumerate(groups):
        seconds = sum(_seconds(ensemble[0]) * len(ensemble) for ensemble in group)
        budget_bytes -= _text_bytes(seconds, LOWEST_KBPS)
        if budget_bytes < 0:
            return max(1, count)
    return len(groups)


def record(
    ensembles: Sequence[Ensemble],
    budget_bytes: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Recording]:
    """Encode ensembles as well as the budget allows, but never below ``LOWEST_KBPS``.

    Args:
        ensembles: What to encode.
        budget_bytes: Of all audio, as text.
        progress: Told of each ensemble that is done.

    Raises:
        MissingTool: If ffmpeg is not installed.
    """
    seconds = sum(_seconds(ensemble[0]) * len(ensemble) for ensemble in ensembles)
    # What is asked for is met within a few percent, and a second pass takes as long as the first.
    kbps = 0.95 * HIGHEST_KBPS * budget_bytes / max(_text_bytes(seconds, HIGHEST_KBPS), 1.0)
    while True:
        kbps = float(np.clip(kbps, LOWEST_KBPS, HIGHEST_KBPS))
        made = []
        with ThreadPoolExecutor(cores()) as pool:
            for recording in pool.map(partial(_encode_ensemble, kbps=kbps), ensembles):
                made.append(recording)
                progress(len(made), len(ensembles))
        size = sum(len(sound.data) for recording in made for sound in recording.sounds)
        if size <= budget_bytes or kbps == LOWEST_KBPS:
            return made
        kbps *= 0.98 * budget_bytes / size


def outline(wav: Wav) -> bytes:
    """Largest magnitude of [N] samples in each of ``OUTLINE_COLUMNS`` stretches."""
    edges = np.linspace(0, wav.size, OUTLINE_COLUMNS, endpoint=False).astype(int)
    peaks: Wav = np.maximum.reduceat(np.abs(wav), edges)
    return bytes(np.round(255 * np.clip(peaks, 0, 1)).astype(np.uint8))


def encode(paths: Sequence[Path], kbps: float) -> list[bytes]:
    """Each audio file as WebM with Opus, mono; the same file gives the same bytes.

    Raises:
        MissingTool: If ffmpeg is not installed.
    """
    program = find_program("ffmpeg")
    opus = ["-ac", "1", "-c:a", "libopus", "-b:a", f"{kbps:.2f}k"]
    opus += ["-frame_duration", str(PACKET_MS), "-flags", "+bitexact", "-fflags", "+bitexact"]
    with TemporaryDirectory() as folder:  # a pipe would get neither index nor length
        made = [Path(folder) / f"{index}.webm" for index in range(len(paths))]
        command = [program, "-v", "error", "-nostdin"]
        for path in paths:
            command += ["-i", str(path)]
        for index, path in enumerate(made):
            command += ["-map", f"{index}:a", *opus, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = " ".join(done.stderr.strip().splitlines()[-1:])
            raise DatasetError(f"{paths[0]}: ffmpeg cannot make Opus of it: {reason}")
        return [path.read_bytes() for path in made]


def _encode_ensemble(paths: Ensemble, kbps: float) -> Recording:
    read = [read_audio(path) for path in paths]
    wavs = [to_mono(wav) for wav, _ in read]
    if len({wav.size for wav in wavs}) > 1:
        raise DatasetError(f"{paths[0]}: is not as long as {paths[-1]}; run eval again")
    loudest = max(float(np.abs(wavs[0] + wav).max()) for wav in wavs[1:])
    sounds = tuple(
        Sound(_base64(data), _base64(outline(wav)))
        for data, wav in zip(encode(paths, kbps), wavs, strict=True)
    )
    return Recording(sounds, wavs[0].size / read[0][1], 1 / max(1.0, loudest))


def _seconds(path: Path) -> float:
    """Length of an audio file, from its header."""
    import soundfile

    try:
        return float(soundfile.info(path).duration)
    except soundfile.SoundFileError as error:
        raise DatasetError(f"{path}: damaged, or not audio; run eval again") from error


def _text_bytes(seconds: float, kbps: float) -> float:
    """Size of encoded audio as base64."""
    return seconds * kbps * 1000 / 8 * 4 / 3


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
