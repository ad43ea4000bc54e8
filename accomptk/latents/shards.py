"""Latents of a prepared set: WebDataset shards, one song a sample, written once, read into memory.

The code is not linear, so what a player hears cannot be summed from latents of stems: beside the
stems each sample holds encoded *contexts*, mixes that leave out at least one playable stem.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from accomptk.errors import CodecError, DatasetError
from accomptk.latents.codec import Codec
from accomptk.latents.contexts import draw_contexts
from accomptk.latents.song import SongLatents, encode_song
from accomptk.stems.index import SPLITS, Song, StemSet
from accomptk.stems.parallel import Workers, map_unordered
from accomptk.stems.place import place, settle, write_whole

__all__ = ["SongLatents", "encode_set", "latents_dir", "read_latents"]

SUBSETS = 6
SONGS_PER_SHARD = 8
DETAILS_NAME = "details.json"

Progress = Callable[[int, int], None]
"""Called with songs done and songs in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Details:
    """What decides the content of shards; others are encoded again."""

    space: str
    codec_name: str
    channels: int
    index_hash: str
    subsets: int
    seed: int


def latents_dir(set_root: Path, space: str) -> Path:
    """Where the latents of a set are, in the latent space of a codec."""
    return place(set_root) / "latents" / space


def encode_set(
    set_root: Path,
    codec: Codec,
    *,
    subsets: int = SUBSETS,
    seed: int = 0,
    workers: Workers = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Encode the stems and contexts of a whole set.

    Finished shards of the same set and codec are kept, so an interrupted call goes on where it
    stopped.

    Args:
        set_root: A prepared set.
        codec: What to encode with.
        subsets: Random contexts a song, beside one per playable stem that lacks just that stem.
        seed: Of the random contexts.
        workers: Processes of this machine, 1 for this one, or the address of a dask scheduler.
        force: Encode again what is there.
        progress: Told after each shard.

    Returns:
        The folder of the shards.

    Raises:
        DatasetError: If the set cannot be read.
    """
    stems = StemSet.open(set_root)
    folder = latents_dir(stems.root, codec.space)
    details = _Details(
        space=codec.space,
        codec_name=codec.name,
        channels=codec.channels,
        index_hash=stems.index_hash,
        subsets=subsets,
        seed=seed,
    )
    if force or _read_details(folder) != asdict(details):
        _restart(folder, details)
    shards = _plan(stems)
    missing = [name for name in shards if not (folder / name).is_file()]
    done = sum(len(songs) for name, songs in shards.items() if name not in missing)
    work = partial(_write_shard, settle(stems.root), codec, details)
    tasks = [(name, shards[name]) for name in missing]
    for count in map_unordered(work, tasks, workers):
        done += count
        if progress is not None:
            progress(done, len(stems.songs))
    return folder


def read_latents(set_root: Path, space: str, split: str) -> list[SongLatents]:
    """All songs of a split, in memory; none when the split has none.

    Args:
        set_root: A prepared and encoded set.
        space: Latent space that a model works in.
        split: ``train``, ``valid`` or ``test``.

    Raises:
        CodecError: If the latents are another codec's, or there are none.
        DatasetError: If there is no such split, or shards are missing or damaged.
    """
    if split not in SPLITS:
        raise DatasetError(f"split '{split}': does not exist; choose from {', '.join(SPLITS)}")
    folder = latents_dir(set_root, space)
    _check_space(folder, space)
    names = [name for name in _plan(StemSet.open(set_root)) if name.startswith(f"{split}-")]
    absent = next((name for name in names if not (folder / name).is_file()), None)
    if absent is not None:
        raise DatasetError(
            f"{folder / absent}: missing, encoding did not finish; run the same accomptk prep again"
        )
    return [song for name in names for song in _read_shard(folder / name)]


def _check_space(folder: Path, space: str) -> None:
    details = _read_details(folder)
    found = details["space"] if details else None
    if found == space:
        return
    others = [found] if found else sorted(path.name for path in folder.parent.glob("*"))
    has = f"latents in space {', '.join(others)}" if others else "no latents"
    raise CodecError(
        f"{folder.parent.parent}: has {has}, wanted are those in space {space}; "
        "run accomptk train teacher with that codec, which encodes the set, or choose another model"
    )


def _plan(stems: StemSet) -> dict[str, tuple[Song, ...]]:
    """Songs of each shard, by its file name."""
    shards = {}
    for split in SPLITS:
        songs = stems.split(split)
        for start in range(0, len(songs), SONGS_PER_SHARD):
            name = f"{split}-{start // SONGS_PER_SHARD:04d}.tar"
            shards[name] = songs[start : start + SONGS_PER_SHARD]
    return shards


def _read_details(folder: Path) -> dict[str, Any] | None:
    path = folder / DETAILS_NAME
    if not path.is_file():
        return None
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def _restart(folder: Path, details: _Details) -> None:
    """Remove shards of another content, then say what is to come."""
    for path in folder.glob("*.tar") if folder.is_dir() else ():
        path.unlink()
    write_whole(folder / DETAILS_NAME, json.dumps(asdict(details), indent=2).encode() + b"\n")


def _write_shard(
    root: Path, codec: Codec, details: _Details, task: tuple[str, Sequence[Song]]
) -> int:
    """Encode the songs of a shard and write it whole or not at all; runs in any process."""
    from webdataset import TarWriter

    name, songs = task
    stems = StemSet(root, tuple(songs))
    buffer = io.BytesIO()
    with TarWriter(buffer, mtime=0.0) as writer:
        for number, song in enumerate(songs):
            contexts = draw_contexts(song, details.subsets, details.seed)
            sample = encode_song(stems, song, codec, contexts)
            writer.write(
                {
                    "__key__": f"{number:06d}",  # a track's name may hold dots
                    **sample.to_sample(),
                }
            )
    write_whole(latents_dir(root, codec.space) / name, buffer.getvalue())
    return len(songs)


def _read_shard(path: Path) -> Iterator[SongLatents]:
    import tarfile

    from webdataset.tariterators import group_by_keys, tar_file_expander

    try:
        with path.open("rb") as file:
            source = {"url": str(path), "stream": file}
            yield from map(SongLatents.from_sample, group_by_keys(tar_file_expander([source])))
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}: damaged; delete it and run the same accomptk prep again"
        ) from error
