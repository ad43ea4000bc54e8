"""Where the songs are that travel with the package: a prepared set like any other."""

from dataclasses import replace
from pathlib import Path

from accomptk.errors import DatasetError
from accomptk.stems.audio import write_audio
from accomptk.stems.index import Song, StemSet, write_index

PARTS = ("drums", "bass", "guitar", "piano")
"""What a song has to have to be shipped: the parts that are evaluated."""

DEMO = Path(__file__).resolve().parent.parent / "demo"
"""Folder of the shipped set, inside the package so that the wheel has it too."""

ANCHORS = "anchors"
"""Folder of a set in which judged anchors of its songs may be shipped."""


def demo_root() -> Path:
    """The shipped set's folder.

    Raises:
        DatasetError: If this copy of the package has none.
    """
    if not (DEMO / "index.parquet").is_file():
        raise DatasetError(f"{DEMO}: the demo songs are not in this copy; give --data DIR")
    return DEMO


def pack(source: Path | str, count: int, out: Path = DEMO) -> list[str]:
    """Write the shipped set: the first songs of a set in which every part plays, as Vorbis.

    Args:
        source: A prepared set.
        count: Songs to ship.
        out: Folder to write.

    Returns:
        The songs' names.

    Raises:
        DatasetError: If fewer songs qualify.
    """
    stems = StemSet.open(source)
    chosen = [song for song in stems.songs if _plays_throughout(song)][:count]
    if len(chosen) < count:
        raise DatasetError(
            f"{source}: {len(chosen)} songs have {', '.join(PARTS)} throughout, {count} are to be "
            "shipped; prepare more songs"
        )
    songs = [_pack_song(stems, song, out) for song in chosen]
    write_index(out, songs, {"name": "demo", "source": "band", "seed": 0})
    return [song.track for song in songs]


def _plays_throughout(song: Song) -> bool:
    """Whether each of the parts that are evaluated sounds for at least half of the song."""
    heard = {stem.instrument: sum(b - a for a, b in stem.active) for stem in song.stems}
    return all(heard.get(name, 0) >= song.seconds / 2 for name in PARTS)


def _pack_song(stems: StemSet, song: Song, out: Path) -> Song:
    """The song with its sounding stems written as Vorbis."""
    packed = []
    for stem in song.stems:
        if stem.active:
            path = str(Path(stem.path).with_suffix(".ogg"))
            sha256 = write_audio(out / path, stems.audio(song, stem))
            size_bytes = (out / path).stat().st_size
            packed.append(replace(stem, path=path, sha256=sha256, size_bytes=size_bytes))
    return replace(song, stems=tuple(packed))
