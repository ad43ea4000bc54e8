"""The latents of one song, as they are encoded, stored in a sample and trained on."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.latents.chroma import PITCH_CLASSES, ChromaListener
from accomptk.latents.codec import Codec, encode
from accomptk.latents.contexts import Context
from accomptk.latents.traits import measure
from accomptk.stems.index import StemSet
from accomptk.stems.music import Music, Song, music_of

Latents = NDArray[np.float16]

BLOCK_FRAMES = 48


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SongLatents(Music):
    """Latents of a song, beside what is known of its music.

    Attributes:
        track: The song.
        stems: Names of its stems.
        instruments: Class of each stem.
        rms_db: Level of each stem, dBFS.
        active: ``(start_s, end_s)`` above -60 dBFS, for each stem.
        latents: Of each stem, [S, C, T].
        contexts: Names of the stems in each context.
        context_latents: Of each context, [M, C, T].
        context_chroma: Pitch classes of each context, ``accomptk.latents.chroma``, [M, 12, T].
        traits: Of each stem, ``accomptk.latents.traits``, NaN in silence, [S, 4, T].
        seconds: Length.
    """

    track: str
    stems: tuple[str, ...]
    instruments: tuple[str, ...]
    rms_db: tuple[float, ...]
    active: tuple[tuple[tuple[float, float], ...], ...]
    latents: Latents
    contexts: tuple[Context, ...]
    context_latents: Latents
    context_chroma: Latents
    traits: Latents
    seconds: float

    def is_valid(self, context: int, stem: int) -> bool:
        """Whether a context leaves a stem out, so that the stem may be made to it."""
        return self.stems[stem] not in self.contexts[context]

    def to_sample(self) -> dict[str, Any]:
        """The entries of a WebDataset sample, without its key."""
        texts = {name: _plain(getattr(self, name)) for name in _TEXTS}
        return {**{f"{name}.npy": getattr(self, name) for name in _ARRAYS}, "json": texts}

    @classmethod
    def from_sample(cls, sample: Mapping[str, Any]) -> "SongLatents":
        """Read the entries that `to_sample` gave, as bytes."""
        text = json.loads(sample["json"])
        values = {name: text[name] for name in _TEXTS if name in text}
        nested = {
            "stems": tuple(values["stems"]),
            "instruments": tuple(values["instruments"]),
            "rms_db": tuple(values["rms_db"]),
            "active": tuple(tuple((a, b) for a, b in regions) for regions in values["active"]),
            "contexts": tuple(tuple(names) for names in values["contexts"]),
        }
        arrays = {name: np.load(io.BytesIO(sample[f"{name}.npy"])) for name in _ARRAYS}
        return cls(**{**values, **nested, **arrays})


_ARRAYS = ("latents", "context_latents", "context_chroma", "traits")
_TEXTS = tuple(f.name for f in fields(SongLatents) if f.name not in _ARRAYS)


def encode_song(
    stems: StemSet, song: Song, codec: Codec, contexts: Sequence[Context]
) -> SongLatents:
    """Latents of a song's stems and of its contexts.

    Args:
        stems: The set that the song belongs to.
        song: What to encode.
        codec: What to encode with.
        contexts: Names of the stems in each context.
    """
    audio = {stem.stem: stems.audio(song, stem, 0.0, song.seconds) for stem in song.stems}
    names = tuple(audio)
    single = {(name,): _encode_mono(codec, wav) for name, wav in audio.items()}
    mixed, chroma = [], []
    for context in contexts:
        wav = np.sum([audio[name] for name in context], axis=0)
        mixed.append(single[context] if context in single else _encode_mono(codec, wav))
        chroma.append(_chroma(wav, codec.frame_samples))
    latents = np.stack([single[(name,)] for name in names])
    traits = [measure(wav, codec.sample_rate, codec.frame_samples) for wav in audio.values()]
    return SongLatents(
        track=song.track,
        stems=names,
        instruments=tuple(stem.instrument for stem in song.stems),
        rms_db=tuple(stem.rms_db for stem in song.stems),
        active=tuple(stem.active for stem in song.stems),
        latents=latents,
        contexts=tuple(contexts),
        context_latents=_stack(mixed, latents.shape[1:]),
        context_chroma=_stack(chroma, (PITCH_CLASSES, latents.shape[2])),
        traits=np.stack(traits).astype(np.float16),
        seconds=song.seconds,
        **music_of(song),
    )


def _encode_mono(codec: Codec, wav: NDArray[np.float32]) -> Latents:
    """Samples [N] to latents [C, T]."""
    import torch

    with torch.no_grad():
        latents = encode(codec, torch.from_numpy(wav)[None, None])
    return latents[0].numpy().astype(np.float16)


def _chroma(wav: NDArray[np.float32], frame_samples: int) -> Latents:
    """Samples [N] to chroma [12, T]; the last frame is filled up with silence."""
    frames = -(-len(wav) // frame_samples)
    padded = np.pad(wav, (0, frames * frame_samples - len(wav)))
    blocks = np.split(padded, range(0, len(padded), BLOCK_FRAMES * frame_samples)[1:])
    listener, heard = ChromaListener(frame_samples), []
    for block in blocks:
        listener.hear(block)
        heard.append(listener.chroma[:, -(len(block) // frame_samples) :])
    return np.asarray(np.concatenate(heard, 1), np.float16)


def _stack(parts: Sequence[Latents], shape: tuple[int, ...]) -> Latents:
    """Parts of a shape as one array; none gives an empty one."""
    return np.stack(parts) if parts else np.zeros((0, *shape), dtype=np.float16)


def _plain(value: Any) -> Any:
    """Arrays as lists, for JSON."""
    return value.tolist() if isinstance(value, np.ndarray) else value
