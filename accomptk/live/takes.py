"""Takes: what was heard, changed and made, written down so that it can be played again.

A take is a folder: ``take.json`` (models, seed and how it began), ``journal.jsonl`` (what happened,
in order, with its time), ``context.wav`` and one WAV file a stem, all at the codec's rate.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from accomptk.diffusion.accompanist import Accompanist
from accomptk.errors import DatasetError
from accomptk.latents.codec import Codec
from accomptk.live.packets import Samples
from accomptk.live.performance import Made, Performance
from accomptk.live.setup import Setup, read_changes
from accomptk.live.wave_file import WaveFile
from accomptk.run import replacing
from accomptk.streaming.beat_sources import BeatSource, tracker

SCHEMA = 1


class Recorder:
    """Writes a take while it is played.

    Args:
        folder: Where to; made here.
        performance: What is recorded, before it has heard anything.
        now: The time in seconds, for the journal.
    """

    def __init__(self, folder: Path, performance: Performance, now: Callable[[], float]) -> None:
        folder.mkdir(parents=True)
        self.folder, self.codec, self.now, self.begun_s = folder, performance.codec, now, now()
        self._frames = 0
        self._files = ExitStack()
        self._stems: dict[str, WaveFile] = {}
        with replacing(folder / "take.json") as temporary:
            head = {"schema": SCHEMA, "seed": performance.seed, **_names(performance)}
            head["setup"] = performance.setup.to_json()
            temporary.write_text(json.dumps(head, indent=2) + "\n", encoding="utf-8")
        journal = (folder / "journal.jsonl").open("w", encoding="utf-8")
        self._journal = self._files.enter_context(journal)
        self._context = self._open("context")

    def hear(self, wav: Samples) -> None:
        """Whole frames [N] that were heard."""
        self._note("hear", frames=len(wav) // self.codec.frame_samples)
        self._hear(wav)

    def leap(self, wav: Samples, skipped: int) -> None:
        """Whole frames [N] that nothing was made for, and frames left out after them."""
        frames = len(wav) // self.codec.frame_samples
        self._note("leap", frames=frames, skipped=skipped)
        self._hear(wav)
        self._frames += skipped

    def change(self, fields: dict[str, Any]) -> None:
        """Fields of the setup that changed."""
        self._note("change", fields=fields)

    def aim(self, frames: int, start: int, end: int) -> None:
        """As ``Performance.aim``."""
        self._note("aim", ahead=frames, start=start, end=end)

    def made(self, made: Made) -> None:
        """A chunk, laid in its place."""
        for name, wav in zip(made.stems, made.wav, strict=True):
            if name not in self._stems:
                self._stems[name] = self._open(name)
            file = self._stems[name]
            file.write(np.zeros(max(made.first_sample - file.count, 0), np.float32))
            file.write(wav[max(file.count - made.first_sample, 0) :])

    def close(self) -> None:
        """Finish all files."""
        self._files.close()

    def _hear(self, wav: Samples) -> None:
        self._frames += len(wav) // self.codec.frame_samples
        self._context.write(wav)

    def _note(self, what: str, **values: Any) -> None:
        entry = {"do": what, "frame": self._frames, "time_s": round(self.now() - self.begun_s, 4)}
        self._journal.write(json.dumps({**entry, **values}) + "\n")
        self._journal.flush()

    def _open(self, name: str) -> WaveFile:
        file = WaveFile(self.folder / f"{name}.wav", self.codec.sample_rate)
        return self._files.enter_context(file)


def replay(
    folder: Path,
    out: Path,
    model: Accompanist,
    codec: Codec,
    open_tracker: Callable[[], BeatSource] = tracker,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, bool]:
    """Play a take again and write it to another folder.

    Args:
        folder: The take.
        out: Where to; may not exist.
        model: The model that it names.
        codec: The codec that it names.
        open_tracker: As for ``Performance``.
        progress: Called with entries done and in all.

    Returns:
        For each stem whether the file is the same, byte for byte.

    Raises:
        DatasetError: If the folder is no take, or of other models.
    """
    head, entries = _read(folder)
    setup = Setup(**read_changes(head["setup"]))
    performance = Performance(model, codec, setup, head["seed"], open_tracker)
    for key, name in _names(performance).items():
        if head.get(key) != name:
            raise DatasetError(
                f"{folder}: was played with {key} {head.get(key)}, this is {name}; give that one"
            )
    if out.exists():
        raise DatasetError(f"{out}: exists; give another --out, or remove it")
    recorder = Recorder(out, performance, lambda: 0.0)
    try:
        _again(performance, recorder, entries, _context(folder), progress)
    finally:
        recorder.close()
    return {
        path.stem: path.exists() and _digest(path) == _digest(folder / path.name)
        for path in (out / file.name for file in sorted(folder.glob("*.wav")))
    }


def _again(
    performance: Performance,
    recorder: Recorder,
    entries: list[dict[str, Any]],
    audio: Samples,
    progress: Callable[[int, int], None] | None,
) -> None:
    size, position = performance.codec.frame_samples, 0
    for done, entry in enumerate(entries):
        wav = audio[position : position + entry.get("frames", 0) * size]
        position += len(wav)
        if entry["do"] == "hear":
            recorder.hear(wav)
            for made in performance.hear(wav):
                recorder.made(made)
        elif entry["do"] == "leap":
            recorder.leap(wav, entry["skipped"])
            performance.leap(wav, entry["skipped"])
        elif entry["do"] == "aim":
            where = entry["ahead"], entry["start"], entry["end"]
            recorder.aim(*where)
            performance.aim(*where)
        else:
            recorder.change(entry["fields"])
            performance.change(**read_changes(entry["fields"]))
        if progress:
            progress(done + 1, len(entries))


def _read(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        head = json.loads((folder / "take.json").read_text(encoding="utf-8"))
        entries = list(_entries(folder / "journal.jsonl"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{folder}: is no take; give a folder that `accomptk live --record` wrote"
        ) from error
    if head.get("schema") != SCHEMA:
        raise DatasetError(f"{folder}: schema {head.get('schema')}; this version reads {SCHEMA}")
    return head, entries


def _context(folder: Path) -> Samples:
    import soundfile

    try:
        wav: Samples = soundfile.read(folder / "context.wav", dtype="float32")[0]
    except soundfile.SoundFileError as error:
        raise DatasetError(f"{folder}: context.wav cannot be read; record again") from error
    return wav


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _names(performance: Performance) -> dict[str, str]:
    return {"model": performance.model.sha8, "codec": performance.codec.sha8}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
