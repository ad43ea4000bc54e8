"""Measures preparation: ``python tests/bench_prep.py [--write]``.

Each source is written in its own layout from the demo songs and prepared, beside reading the same
files with librosa.load. Costs are seconds of a core, so that what else the machine does hardly
counts; only the gain of two processes is a matter of wall clock, and wants an idle machine.
``--write`` replaces the table in recipes/README.md, from which the plan for 100,000 songs follows.
"""

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from accomptk.cli.bench import replace_block
from accomptk.latents.codec import load_codec
from accomptk.latents.shards import encode_set
from accomptk.memory import keep_freed_memory
from accomptk.run import machine_line
from accomptk.stems import band, folder, midi, moisesdb, musdb, slakh
from accomptk.stems.beats import estimate_beats
from accomptk.stems.index import StemSet
from accomptk.stems.prepare import Task, prepare
from layouts import (
    Stems,
    rendered,
    write_folder,
    write_midi,
    write_moises,
    write_musdb,
    write_musdb_hq,
    write_slakh,
)

SONG_S = 60.0
SONGS = 3
TYPICAL_S = 240.0  # of a song, for the plan
PLANNED_SONGS, PLANNED_PROCESSES = 100_000, 64
MIXES = ("mixture", "mix")  # files that are not prepared


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source to measure.

    Attributes:
        name: As in ``accomptk prep NAME``.
        write: Writes song number n in a folder.
        tasks: What makes the songs of the folder.
        suffix: Of the files that librosa is to read, if it can.
    """

    name: str
    write: Callable[[Path, int], object]
    tasks: Callable[[Path], Sequence[Task]]
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a source costs, in seconds of a core for an hour of songs."""

    source: str
    prep_s: float
    librosa_s: float | None
    bytes: float  # an hour


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What comes after the stems, with four of them, for an hour of songs."""

    beats_s: float
    latents_s: float
    latent_bytes: float


def long_stems(number: int) -> Stems:
    """Stems of a demo song, repeated to the length of a song."""
    return {name: np.tile(wav, round(SONG_S / 20)) for name, wav in rendered(number, 20.0).items()}


def make_band(root: Path) -> Sequence[Task]:
    """Songs that are composed here; there are no files to read."""
    return band.tasks(SONGS, 0, seconds=(SONG_S, SONG_S + 1))


SOURCES = (
    Source(
        name="musdb",
        write=lambda root, n: write_musdb(root, "train", f"A - {n}", long_stems(n)),
        tasks=musdb.tasks,
    ),
    Source(
        name="musdb (HQ)",
        write=lambda root, n: write_musdb_hq(root, "train", f"A - {n}", long_stems(n)),
        tasks=musdb.tasks,
        suffix=".wav",
    ),
    Source(
        name="slakh",
        write=lambda root, n: write_slakh(root / f"Track{n + 1:05d}", long_stems(n)),
        tasks=slakh.tasks,
        suffix=".flac",
    ),
    Source(
        name="moisesdb",
        write=lambda root, n: write_moises(root, long_stems(n), artist=f"{n}", song="A"),
        tasks=moisesdb.tasks,
        suffix=".wav",
    ),
    Source(
        name="stems",
        write=lambda root, n: write_folder(root, f"{n}", long_stems(n)),
        tasks=folder.tasks,
        suffix=".wav",
    ),
    Source(
        name="midi",
        write=lambda root, n: write_midi(root / f"{n}.mid", bars=round(SONG_S / 2)),
        tasks=midi.tasks,
    ),
    Source(name="band", write=lambda root, n: None, tasks=make_band),
)


def measure(source: Source, work: Path) -> Row:
    """Write the source's files, and count what preparing and what reading them takes."""
    root = work / "in"
    root.mkdir(parents=True)
    for number in range(SONGS):
        source.write(root, number)
    made = source.tasks(root)
    made[0][1]()  # what is loaded once is no matter of hours
    prep_s = core_s(lambda: prepare(work / "set", made, name="n", source="b"))
    hours = sum(song.seconds for song in StemSet.open(work / "set").songs) / 3600
    audio = [path for path in root.rglob(f"*{source.suffix}") if path.stem not in MIXES]
    load_all(audio[:1] if source.suffix else ())
    return Row(
        source=source.name,
        prep_s=prep_s / hours,
        librosa_s=core_s(lambda: load_all(audio)) / hours if source.suffix else None,
        bytes=size(work / "set" / "stems") / hours,
    )


def measure_stages(work: Path) -> Stages:
    """Beats and latents of one song with four stems."""
    root = write_folder(work / "in", "song", long_stems(0)).parent
    prepare(work / "set", folder.tasks(root), name="n", source="b")
    hours, codec = SONG_S / 3600, load_codec()
    return Stages(
        beats_s=core_s(lambda: estimate_beats(work / "set")) / hours,
        latents_s=core_s(lambda: encode_set(work / "set", codec)) / hours,
        latent_bytes=size(work / "set" / "latents") / hours,
    )


def measure_gain(work: Path, songs: int = 24) -> float:
    """How much faster two processes are than one, once both are at work."""
    for number in range(songs):
        write_folder(work / "in", f"{number}", long_stems(number % 3))
    made = folder.tasks(work / "in")
    return pace_s(work / "one", made, 1) / pace_s(work / "two", made, 2)


def measure_limit() -> float:
    """The same of two processes that only multiply matrices: what this machine allows."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        tuple(pool.map(multiply, range(2)))  # both have started
        one_s = pool.submit(multiply, 0).result()
        return 2 * one_s / max(pool.map(multiply, range(2)))


def multiply(_: int, times: int = 4000) -> float:
    """Seconds of wall clock of products of matrices that fit in a cache, on one core."""
    torch.set_num_threads(1)
    matrix = torch.randn(256, 256) / 16
    begun_s = time.perf_counter()
    for _ in range(times):
        matrix @ matrix
    return time.perf_counter() - begun_s


def pace_s(out: Path, made: Sequence[Task], processes: int) -> float:
    """Seconds of wall clock a song, from when each process has finished its first one."""
    ready: list[float] = []
    prepare(
        out, made, name="n", source="b", workers=processes,
        progress=lambda *_: ready.append(time.perf_counter()),
    )  # fmt: skip
    return (ready[-1] - ready[processes - 1]) / (len(ready) - processes)


def load_all(paths: Sequence[Path]) -> None:
    """What librosa needs to bring the same files to one channel and the same rate."""
    import librosa

    for path in paths:
        librosa.load(path, sr=44_100)


def core_s(work: Callable[[], object]) -> float:
    """Seconds of a core that something takes, with the programs that it calls."""
    before = _used_s()
    work()
    return _used_s() - before


def _used_s() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(kind.ru_utime + kind.ru_stime for kind in used)


def size(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def table(rows: Sequence[Row], stages: Stages, gains: tuple[float, float] | None) -> str:
    """The rows and the plan that follows from them, as Markdown; gains: ours and the machine's."""
    told = (
        "\nTwo processes are {:.2f} times as fast as one; two that only multiply small matrices,\n"
        "{:.2f} times.".format(*gains)
        if gains
        else ""
    )
    return "\n".join(
        [
            f"Measured by `make bench` on {machine_line()} (load {os.getloadavg()[0]:.1f}):",
            "hours of songs a minute of one core. Beats are estimated at "
            f"{60 / stages.beats_s:.2f} and latents of four stems and their",
            f"contexts encoded at {60 / stages.latents_s:.2f} hours a minute.{told}",
            "",
            "| source | prep | librosa.load of its files | latents' share of all | GB an hour |",
            "|---|--:|--:|--:|--:|",
            *(line(row, stages) for row in rows),
            "",
            *plan(rows, stages),
        ]
    )


def line(row: Row, stages: Stages) -> str:
    """One source."""
    share = stages.latents_s / (row.prep_s + beats_s(row, stages) + stages.latents_s)
    librosa = "–" if row.librosa_s is None else f"{60 / row.librosa_s:.2f}"
    return (
        f"| {row.source} | {60 / row.prep_s:.2f} | {librosa} | {share:.0%} "
        f"| {row.bytes / 1e9:.2f} |"
    )


def beats_s(row: Row, stages: Stages) -> float:
    """Beats are estimated only where the source has none."""
    return 0.0 if row.source in ("slakh", "midi", "band") else stages.beats_s


def plan(rows: Sequence[Row], stages: Stages) -> list[str]:
    """What many songs cost."""
    hours = PLANNED_SONGS * TYPICAL_S / 3600
    return [
        f"| {PLANNED_SONGS:,} songs of {TYPICAL_S / 60:.0f} minutes | core hours: stems | beats "
        f"| latents | days on {PLANNED_PROCESSES} cores | TB of stems | TB of latents |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(_plan_line(row, stages, hours) for row in rows if row.source not in ("midi", "band")),
    ]


def _plan_line(row: Row, stages: Stages, hours: float) -> str:
    cores_h = [hours * s / 3600 for s in (row.prep_s, beats_s(row, stages), stages.latents_s)]
    stems_tb, latents_tb = (hours * count / 1e12 for count in (row.bytes, stages.latent_bytes))
    return (
        f"| {row.source} | {cores_h[0]:,.0f} | {cores_h[1]:,.0f} | {cores_h[2]:,.0f} "
        f"| {sum(cores_h) / PLANNED_PROCESSES / 24:.1f} | {stems_tb:.1f} | {latents_tb:.2f} |"
    )


def main() -> None:
    """Measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the table of the read-me")
    parser.add_argument("--no-gain", action="store_true", help="leave two processes out")
    options = parser.parse_args()
    keep_freed_memory()  # as the command does
    work = Path(tempfile.mkdtemp(prefix="bench-prep-"))
    try:
        rows = [measure(source, work / source.name) for source in SOURCES]
        stages = measure_stages(work / "stages")
        gains = None if options.no_gain else (measure_gain(work / "gain"), measure_limit())
    finally:
        shutil.rmtree(work)
    text = table(rows, stages, gains)
    if options.write:
        replace_block(Path("recipes/README.md"), "prep", text)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
