"""Latents of a prepared set: a WebDataset shard a song, written once, read into memory.

A shard is named by all that is known of its song: where songs come, change or go, the others keep
theirs. The code is not linear, so what a player hears cannot be summed from latents of stems:
beside the stems each sample holds encoded *contexts*, mixes that leave out at least one playable
stem.
"""

import hashlib
import io
import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
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

__all__ = ["SongLatents", "encode_set", "latents_dir", "read_latents", "shard_name"]

SUBSETS = 6
DETAILS_NAME = "details.json"

Progress = Callable[[int, int], None]
"""Called with songs done and songs in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Details:
    """What decides the content of shards, beside the songs; others are encoded again."""

    space: str
    codec_name: str
    channels: int
    subsets: int
    seed: int


def latents_dir(set_root: Path, space: str) -> Path:
    """Where the latents of a set are, in the latent space of a codec."""
    return place(set_root) / "latents" / space


def shard_name(song: Song) -> str:
    """File of a song's latents; another one when its stems or what is known of it change."""
    return f"{hashlib.sha256(song.to_json()).hexdigest()[:20]}.tar"


def encode_set(
    set_root: Path,
    codec: Codec,
    *,
    splits: Collection[str] = SPLITS,
    subsets: int = SUBSETS,
    seed: int = 0,
    workers: Workers = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Encode the stems and contexts of the songs that have no latents yet.

    Args:
        set_root: A prepared set.
        codec: What to encode with.
        splits: Whose songs.
        subsets: Random contexts a song, beside one per playable stem that lacks just that stem.
        seed: Of the random contexts.
        workers: Processes of this machine, 1 for this one, or the address of a dask scheduler.
        force: Encode again what is there.
        progress: Told after each song.

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
        subsets=subsets,
        seed=seed,
    )
    if force or _read_details(folder) != details:
        _restart(folder, details)
    songs = [song for song in stems.songs if song.split in splits]
    there = _written(folder)
    missing = [song for song in songs if shard_name(song) not in there]
    work = partial(_write_shard, settle(stems.root), codec, details)
    before = len(songs) - len(missing)
    for done, _ in enumerate(map_unordered(work, missing, workers), before + 1):
        if progress is not None:
            progress(done, len(songs))
    return folder


def read_latents(set_root: Path, space: str, split: str) -> list[SongLatents]:
    """All songs of a split, in memory; none when the split has none.

    Args:
        set_root: A prepared and encoded set.
        space: Latent space that a model works in.
        split: ``train``, ``valid`` or ``test``.

    Raises:
        CodecError: If the latents are another codec's, or there are none.
        DatasetError: If there is no such split, or songs are not encoded, or shards are damaged.
    """
    songs = StemSet.open(set_root).split(split)
    folder = latents_dir(set_root, space)
    _check_space(folder, space)
    there = _written(folder)
    absent = next((song for song in songs if shard_name(song) not in there), None)
    if absent is not None:
        raise DatasetError(
            f"{folder}: lacks the latents of song '{absent.track}'; accomptk train teacher encodes "
            "what is missing"
        )
    return [_read_shard(folder / shard_name(song)) for song in songs]


def _check_space(folder: Path, space: str) -> None:
    details = _read_details(folder)
    found = details.space if details else None
    if found == space:
        return
    others = [found] if found else sorted(path.name for path in folder.parent.glob("*"))
    has = f"latents in space {', '.join(others)}" if others else "no latents"
    raise CodecError(
        f"{folder.parent.parent}: has {has}, wanted are those in space {space}; "
        "accomptk train teacher --codec encodes the set, or choose a model of the space it has"
    )


def _written(folder: Path) -> set[str]:
    """Names of finished shards."""
    return {path.name for path in folder.glob("[!.]*.tar")}


def _read_details(folder: Path) -> _Details | None:
    path = folder / DETAILS_NAME
    if not path.is_file():
        return None
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    known: dict[str, Any] = {entry.name: values.get(entry.name) for entry in fields(_Details)}
    return _Details(**known)


def _restart(folder: Path, details: _Details) -> None:
    """Remove shards of another content, then say what is to come."""
    for name in _written(folder) if folder.is_dir() else ():
        (folder / name).unlink()
    write_whole(folder / DETAILS_NAME, json.dumps(asdict(details), indent=2).encode() + b"\n")


def _write_shard(root: Path, codec: Codec, details: _Details, song: Song) -> None:
    """Encode a song and write its shard whole or not at all; runs in any process."""
    from webdataset import TarWriter

    contexts = draw_contexts(song, details.subsets, details.seed)
    sample = encode_song(StemSet(root, (song,)), song, codec, contexts)
    buffer = io.BytesIO()
    with TarWriter(buffer, mtime=0.0) as writer:
        writer.write({"__key__": "song", **sample.to_sample()})  # a track's name may hold dots
    write_whole(latents_dir(root, codec.space) / shard_name(song), buffer.getvalue())


def _read_shard(path: Path) -> SongLatents:
    import tarfile

    from webdataset.tariterators import group_by_keys, tar_file_expander

    try:
        with path.open("rb") as file:
            source = {"url": str(path), "stream": file}
            (sample,) = group_by_keys(tar_file_expander([source]))
            return SongLatents.from_sample(sample)
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}: damaged; delete it, and accomptk train teacher encodes that song again"
        ) from error
