"""Fits the spectral codec to stems and random sub-mixes of a prepared set."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from accomptk.checkpoint import load_tensors
from accomptk.errors import DatasetError
from accomptk.latents.augment import Augment, change, detune, detuning
from accomptk.latents.autoencoder import NeuralCode, Size
from accomptk.latents.code import LinearCode, scales
from accomptk.latents.spectral import save_spectral
from accomptk.latents.spectrum import FRAME_SAMPLES, OVERLAP, SAMPLE_RATE, Spectrum, SpectrumRecipe
from accomptk.run import Run, numpy_generator, replacing
from accomptk.stems.index import StemSet
from accomptk.stems.parallel import map_unordered
from accomptk.training import Optim, Trainer

SILENT = 1e-3
SETTLED_FRAMES = 4
"""Frames of an excerpt before which the networks have no past to speak of."""

BALANCED_FRAMES = 12
"""Frames of an excerpt in a step whose balance is compared: it costs more than the networks."""

LEVEL_FLOOR = 0.05
"""Energy of a frame below which errors count by themselves, not relative to it."""

SLICE = 100  # excerpts that a process makes at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcerptRecipe:
    """What the code is fitted to.

    Attributes:
        count: Excerpts in all.
        base: How many of them the principal components are fitted to.
        frames: Length of an excerpt.
        single: Share of single stems; the others are sub-mixes.
        gain_min_db: Lowest peak.
        gain_max_db: Highest peak; never more than full scale.
    """

    count: int
    base: int
    frames: int
    single: float
    gain_min_db: float
    gain_max_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecRecipe:
    """The recipe of ``train codec``.

    Attributes:
        seed: Root of the excerpts' random choices.
        scale_power: Components are divided by a multiple of their standard deviation to this
            power: 1 would whiten them, 0 keep all proportions.
        latent_noise: Mean standard deviation of the noise on the latents in training.
        balance: Weight of the error of the loudness of groups of bands.
        spectrum: Samples to features.
        excerpts: What to fit to.
        augment: What is done to excerpts.
        size: Of the code.
        optim: How both networks are trained.
        polish: How the decoder is trained on, when the encoder stays as it is.
    """

    seed: int
    scale_power: float
    latent_noise: float
    balance: float
    spectrum: SpectrumRecipe
    excerpts: ExcerptRecipe
    augment: Augment
    size: Size
    optim: Optim
    polish: Optim


Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and how much there is."""


def fit_codec(
    run: Run,
    stems: StemSet,
    recipe: CodecRecipe,
    *,
    workers: int = 1,
    minutes: float | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Path:
    """Fit in a run folder, or go on with what is there.

    First the principal components, then the components of all excerpts, on disk; then both
    networks; then the decoder alone, in the folder ``decoder`` of the run: the encoder decides what
    others build on, so it stops first.

    Args:
        run: Folder to write.
        stems: A prepared set.
        recipe: What to fit.
        workers: Processes that make excerpts.
        minutes: Stop training soundly after this time; the same command goes on later.
        progress: Told after each slice and each step.

    Returns:
        The codec's checkpoint, after the minutes perhaps not the last.

    Raises:
        DatasetError: If there is nothing to train on.
    """
    base, deviation = _kept_base(run, stems, recipe, workers, progress)
    path = run.folder / "components.npy"
    if not path.exists():
        write_components(path, stems, recipe, base, workers, progress)
    components, spectrum = np.load(path, mmap_mode="r"), Spectrum(recipe.spectrum)
    began = time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.generator("weights").initial_seed())
        code = NeuralCode(base, deviation, recipe.size)

    def train(part: Run, optim: Optim, before: int) -> Path:
        def save(where: Path, weights: dict[str, Tensor], step: int) -> None:
            save_spectral(where, weights, recipe, {"data": stems.index_hash}, before + step)

        def loss(step: int) -> Tensor:
            rng = numpy_generator(run.seed, "batch", before + step)
            chosen = np.sort(rng.choice(len(components), optim.batch, replace=False))
            batch = torch.from_numpy(components[chosen].astype(np.float32))
            noise = run.generator("noise", before + step)
            return codec_loss(code, spectrum, batch, recipe, rng, noise)

        left = None if minutes is None else minutes - (time.monotonic() - began) / 60
        steps = recipe.optim.steps + recipe.polish.steps
        Trainer(part, code, optim, save).train(
            loss, minutes=left, on_step=lambda step, _: progress("train", before + step, steps)
        )
        return part.folder / "ema.safetensors"

    is_later = run.is_finished
    whole = train(run, recipe.optim, 0)
    if recipe.polish.steps == 0 or not run.is_finished:
        return whole
    # As it was stored, rounding and all: the latent space is named by the encoder's very bits.
    code.load_state_dict(load_tensors(whole, "codec")[0])
    code.encoder.requires_grad_(False)
    folder = run.folder / "decoder"
    polish = Run.create("train-codec-decoder", folder, run.seed, recipe, resume=is_later)
    return train(polish, recipe.polish, recipe.optim.steps)


def _kept_base(
    run: Run, stems: StemSet, recipe: CodecRecipe, workers: int, progress: Progress
) -> tuple[LinearCode, Tensor]:
    """What ``fit_base`` gives, from the run folder where it was done before."""
    from safetensors.torch import load_file, save_file

    path = run.folder / "base.safetensors"
    if not path.exists():
        base, deviation = fit_base(stems, recipe, workers, progress)
        with replacing(path) as temporary:
            save_file({**asdict(base), "deviation": deviation}, temporary)
    kept = load_file(path)
    deviation = kept.pop("deviation")
    return LinearCode(**kept), deviation


def codec_loss(
    code: NeuralCode,
    spectrum: Spectrum,
    components: Tensor,
    recipe: CodecRecipe,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Tensor:
    """Error of a frame relative to its level, and of the balance between its bands.

    The noise on the latents, of a random level, keeps neighbours in latent space alike in sound.
    Least squares alone lets loud bands have it all and smooths noise away, which the balance of a
    few frames in each step corrects.

    Args:
        code: What is trained.
        spectrum: Of its features.
        components: Of excerpts, unscaled, [B, n, K].
        recipe: Weights and noise.
        rng: Where the frames are drawn whose balance counts.
        generator: Of the noise.
    """
    target = (components - code.mean) / code.scale
    latents = code.compress(target, code.encode_memory(len(target)))
    level = 2 * recipe.latent_noise * torch.rand(len(target), 1, 1, generator=generator)
    heard = latents + level * torch.randn(latents.shape, generator=generator)
    made = code.expand(heard, code.decode_memory(len(target))) * code.scale + code.mean
    wrong = (made - components).square().sum(-1)[:, SETTLED_FRAMES:]
    energy = components.square().sum(-1)[:, SETTLED_FRAMES:]
    loss = (wrong / (energy + LEVEL_FLOOR) + 1e-5).sqrt().mean()
    if recipe.balance == 0:
        return loss
    first = int(rng.integers(SETTLED_FRAMES, components.shape[1] - BALANCED_FRAMES + 1))
    some = slice(first, first + BALANCED_FRAMES)
    with torch.autocast("cpu", enabled=False):
        basis = code.basis.to(components)
        balances = [spectrum.balance(each[:, some] @ basis) for each in (made, components)]
    return loss + recipe.balance * (balances[0] - balances[1]).abs().mean()


def fit_base(
    stems: StemSet, recipe: CodecRecipe, workers: int = 1, progress: Progress = lambda *_: None
) -> tuple[LinearCode, Tensor]:
    """Principal components, around silence, of the first excerpts.

    Args:
        stems: A prepared set.
        recipe: What to fit.
        workers: Processes.
        progress: Told after each slice.

    Returns:
        The components as a code, and the standard deviation of what it gives, [K].

    Raises:
        DatasetError: If there is too little to fit to.
    """
    if not stems.split("train"):
        raise DatasetError(f"{stems.root}: has no song in split 'train'; prepare more songs")
    spectrum, size = Spectrum(recipe.spectrum), recipe.size
    product = torch.zeros(spectrum.features, spectrum.features, dtype=torch.float64)
    total, frames = torch.zeros(spectrum.features, dtype=torch.float64), 0
    tasks = _slices(recipe.excerpts.base)
    work = partial(_moments, stems.root.absolute(), recipe)
    for done, (one, mean, count) in enumerate(map_unordered(work, tasks, workers), 1):
        product, total, frames = product + one, total + mean, frames + count
        progress("listen", done, len(tasks))
    if frames < size.components:
        raise DatasetError(
            f"{stems.root}: {frames} frames of audio are too few for {size.components} "
            "components; prepare more songs"
        )
    # Not centred: silence is then 0 in every component and decodes to exactly nothing.
    energy, vectors = torch.linalg.eigh(product / frames)
    basis = vectors.flip(1)[:, : size.components].T
    basis = basis * basis.sum(1, keepdim=True).sign()
    mean = basis @ (total / frames)
    deviation = (energy.flip(0)[: size.components] - mean**2).clamp_min(1e-12).sqrt()
    scale = scales(deviation, recipe.scale_power, size.channels)
    base = LinearCode(basis.float().contiguous(), mean.float(), scale.float())
    return base, (deviation / scale).float()


def write_components(
    path: Path,
    stems: StemSet,
    recipe: CodecRecipe,
    base: LinearCode,
    workers: int = 1,
    progress: Progress = lambda *_: None,
) -> None:
    """Unscaled components of all excerpts as float16, [count, frames, K], whole or not at all."""
    count, frames = recipe.excerpts.count, recipe.excerpts.frames
    tasks = _slices(count)
    work = partial(_components, stems.root.absolute(), recipe, base.basis)
    with replacing(path) as temporary:
        shape = (count, frames, base.channels)
        written = open_memmap(  # type: ignore[no-untyped-call]
            temporary, "w+", dtype=np.float16, shape=shape
        )
        for done, (first, part) in enumerate(map_unordered(work, tasks, workers), 1):
            written[first : first + len(part)] = part
            progress("encode", done, len(tasks))
        written.flush()


def draw_excerpt(stems: StemSet, recipe: CodecRecipe, index: int) -> NDArray[np.float32]:
    """One excerpt [OVERLAP + frames * FRAME_SAMPLES] of the training songs; its index decides all.

    What is silent is drawn again, up to 20 times.
    """
    rng, songs = numpy_generator(recipe.seed, "codec", index), stems.split("train")
    samples = OVERLAP + recipe.excerpts.frames * FRAME_SAMPLES
    speed = detuning(recipe.augment, rng)
    longer_s = (int(samples * speed) + 64) / SAMPLE_RATE
    wav = np.zeros(samples, np.float32)
    for _ in range(20):
        song = songs[int(rng.integers(len(songs)))]
        names = [stem.stem for stem in song.stems]
        is_single = rng.random() < recipe.excerpts.single or len(names) == 1
        size = 1 if is_single else int(rng.integers(2, len(names) + 1))
        chosen = sorted(rng.choice(names, size=size, replace=False))
        start_s = float(rng.uniform(0, max(song.seconds - longer_s, 0)))
        wav = detune(stems.mix(song, chosen, start_s, longer_s), speed, samples)
        wav = np.pad(wav, (0, samples - len(wav)))
        if np.abs(wav).max() > SILENT:
            break
    wav = change(wav, SAMPLE_RATE, recipe.augment, rng)
    peak = max(float(np.abs(wav).max()), 1e-6)
    gain_db = rng.uniform(recipe.excerpts.gain_min_db, recipe.excerpts.gain_max_db)
    return wav * np.float32(min(10 ** (gain_db / 20), 1.0) / peak)


def _slices(count: int) -> list[range]:
    return [range(first, min(first + SLICE, count)) for first in range(0, count, SLICE)]


def _features(root: Path, recipe: CodecRecipe, excerpts: range) -> Iterator[Tensor]:
    stems, spectrum = StemSet.open(root), Spectrum(recipe.spectrum)
    for index in excerpts:
        wav = torch.from_numpy(draw_excerpt(stems, recipe, index))
        yield spectrum.analyse(wav[None])[0]


def _moments(root: Path, recipe: CodecRecipe, excerpts: range) -> tuple[Tensor, Tensor, int]:
    """Second and first moments of the features of some excerpts, and how many frames."""
    features = torch.cat(list(_features(root, recipe, excerpts)))
    return features.T @ features, features.sum(0), len(features)


def _components(
    root: Path, recipe: CodecRecipe, basis: Tensor, excerpts: range
) -> tuple[int, NDArray[np.float16]]:
    """Number of the first excerpt, and unscaled components of all, [n, frames, K]."""
    rows = [(features @ basis.T).numpy() for features in _features(root, recipe, excerpts)]
    return excerpts.start, np.stack(rows).astype(np.float16)
