"""A run of eval as its pages read it: known tones in the place of songs."""

import json
from pathlib import Path

from accomptk.metrics.table import Cell, Row, write_csv
from accomptk.stems.audio import write_audio
from signals import sine

SECONDS = 6.0
CONTEXT_HZ = 220.0
HZ = {
    "ground_truth": 440.0,
    "codec": 550.0,
    "random_pairing": 660.0,
    "teacher-K0": 880.0,
    "teacher-K2": 1100.0,
    "a_style-K2": 1320.0,
}
PARTS = [("one", "drums"), ("one", "bass"), ("two", "bass")]


def cell(mean, **scaled):
    return Cell(mean, mean - 0.1, mean + 0.1, 2, **scaled)


def model_row(model, lookahead, mean):
    scores = {"onset_f1": cell(mean, closeness=mean), "fad_mix": cell(10 * mean)}
    return Row(
        model=model,
        lookahead=lookahead,
        gap_s=1.5 * (lookahead - 1),
        hop_s=1.5,
        nfe=7,
        cells={**scores, "rtf": cell(0.5), "warmup_harmony": cell(0.3)},
        songs=2,
        seconds=24.0,
        machine="a machine",
    )


ROWS = (
    model_row("teacher", 0.0, 0.4),
    model_row("teacher", 2.0, 0.6),
    model_row("a_style", 2.0, 0.2),
    Row(model="ground_truth", cells={"onset_f1": cell(1.0)}),
    Row(model="codec", cells={"onset_f1": cell(0.9)}),
    Row(model="random_pairing", cells={"onset_f1": cell(0.1)}),
)


def result():
    stored = {"onset_f1": {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 2}, "harmony": None}
    return {
        "data": {"songs": ["one", "two"]},
        "by_instrument": {"teacher K=0": {"drums": stored, "bass": stored}},
        "by_part": {"teacher K=0": {"one/drums": {"onset_f1": 0.25}}},
        "parts": [
            {
                "track": track,
                "stem": stem,
                "instrument": stem,
                "start_s": 2.0,
                "prompt": f"slow {track}, </script> & quiet",
                "downbeats_s": [0.0, 2.0, 4.0],
                "chords": [[0.0, 4.0, "C:maj"], [4.0, 6.0, "A:min7"]],
            }
            for track, stem in PARTS
        ],
    }


def write_run(folder: Path) -> Path:
    """A finished run with two songs, three parts and six versions, each a tone of its own."""
    write_csv(folder / "table.csv", ROWS)
    (folder / "result.json").write_text(json.dumps(result()))
    for version, hz in {"context": CONTEXT_HZ, **HZ}.items():
        wav = sine(hz, SECONDS)
        for track, stem in PARTS:
            write_audio(folder / "audio" / version / track / f"{stem}.flac", wav)
    return folder
