"""What a codec is compared with: linear codes of the same magnitudes, and Opus."""

import subprocess
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.errors import MissingTool
from accomptk.latents.codec import decode, encode
from accomptk.latents.fit import CodecRecipe, Progress, fit_base
from accomptk.latents.spectral import SpectralCodec, load_spectral, save_spectral
from accomptk.latents.spectrum import SAMPLE_RATE
from accomptk.recipe import load_recipe
from accomptk.stems.index import StemSet

Samples = NDArray[np.float32]

LINEAR_ITERATIONS = 32
FEW, MANY = 64, 128
"""Components of the linear codes beside the one of the codec's own rate."""

OPUS_KILOBITS = (6, 12, 24)
RECIPE = "pocket/codec"
"""Its excerpts are what the shipped codec's components are fitted to."""


@dataclass(frozen=True, slots=True)
class Contender:
    """What signals are played through.

    Attributes:
        name: Of its row.
        codec: Checkpoint of a spectral codec; None for Opus.
        components: Its leading ones, as a linear code; 0 for the codec as it is.
        iterations: Griffin-Lim iterations a frame; None for the codec's own.
        kilobits: A second, of Opus.
    """

    name: str
    codec: Path | None = None
    components: int = 0
    iterations: int | None = None
    kilobits: int = 0

    @property
    def numbers_per_s(self) -> float | None:
        """Its rate; None for what counts in bits."""
        loaded = load(self)
        if loaded is None:
            return None
        return loaded.channels * loaded.sample_rate / loaded.frame_samples

    @property
    def griffin_lim(self) -> int | None:
        """Iterations a frame; None where there are none."""
        loaded = load(self)
        return None if loaded is None else loaded.phases.iterations

    def play(self, wav: Samples) -> Samples:
        """A signal encoded and decoded, [N].

        Raises:
            MissingTool: If it takes ffmpeg, which is absent.
        """
        loaded = load(self)
        if loaded is None:
            return _opus(wav, self.kilobits)
        played = decode(loaded, encode(loaded, torch.from_numpy(wav)[None, None]))
        return np.asarray(played[0, 0, : len(wav)].numpy())


def contenders(codec: Path, plain: Path) -> list[Contender]:
    """The codec first, then linear codes, then Opus.

    A linear code ``pca-N`` has the leading principal components of plain magnitudes; that of the
    codec's own weighted ones, with no networks around them, is ``weighted-N``.

    Args:
        codec: Checkpoint of the codec.
        plain: Checkpoint that `fit_plain` wrote.
    """
    spectral = Contender("spectral", codec.absolute())
    same = load_spectral(codec).channels
    linear = [
        Contender(f"pca-{count}", plain.absolute(), count, LINEAR_ITERATIONS)
        for count in sorted({FEW, same, MANY})
    ]
    weighted = Contender(f"weighted-{same}", codec.absolute(), same)
    opus = [Contender(f"opus-{rate}k", kilobits=rate) for rate in OPUS_KILOBITS]
    return [spectral, *linear, weighted, *opus]


def fit_plain(
    path: Path,
    stems: StemSet,
    recipe: CodecRecipe | None = None,
    workers: int = 1,
    progress: Progress = lambda *_: None,
) -> None:
    """Write the principal components of plain magnitudes, no band weighted, as a codec.

    Args:
        path: Checkpoint to write.
        stems: A prepared set; its training songs are heard.
        recipe: Excerpts and spectrum; None for those of the shipped codec's own components.
        workers: Processes.
        progress: Told after each slice.
    """
    like = recipe or load_recipe(RECIPE, CodecRecipe)
    plain = replace(
        like,
        spectrum=replace(like.spectrum, hearing=0.0),
        size=replace(like.size, components=max(MANY, like.size.channels)),
    )
    base, _ = fit_base(stems, plain, workers, progress)
    save_spectral(path, asdict(base), plain, {"data": stems.index_hash})


@lru_cache(16)
def load(contender: Contender) -> SpectralCodec | None:
    """Its codec, read once a process; None for Opus."""
    if contender.codec is None:
        return None
    whole = load_spectral(contender.codec)
    iterations = contender.iterations or whole.phases.iterations
    code = whole.code.base.leading(contender.components) if contender.components else whole.code
    return SpectralCodec(code, whole.spectrum, whole.sha8, whole.space, iterations)


def _opus(wav: Samples, kilobits: int) -> Samples:
    import soundfile
    import soxr

    with TemporaryDirectory() as folder:
        source, coded, back = (Path(folder) / name for name in ("in.wav", "a.opus", "out.wav"))
        soundfile.write(source, wav, SAMPLE_RATE, subtype="FLOAT")
        encoder = ("-c:a", "libopus", "-b:a", f"{kilobits}k", "-application", "audio")
        for options in ((source, *encoder, coded), (coded, back)):
            try:
                command = ["ffmpeg", "-v", "error", "-y", "-i", *map(str, options)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            except FileNotFoundError as error:
                raise MissingTool("ffmpeg: not found; apt-get install ffmpeg") from error
        played, rate = soundfile.read(back, dtype="float32")
    resampled: Samples = soxr.resample(played, rate, SAMPLE_RATE)[: len(wav)]
    return np.pad(resampled, (0, len(wav) - len(resampled)))
