"""Trains the coherence model on a prepared set."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from accomptk.checkpoint import load_tensors, save_checkpoint
from accomptk.errors import DatasetError
from accomptk.listening.heard import hear_songs
from accomptk.listening.pairs import Batch, Pairs, PairSampler
from accomptk.metrics.similarity import Similarity, Size
from accomptk.metrics.spectra import WINDOW_FRAMES, views
from accomptk.run import Run, numpy_generator
from accomptk.stems.index import StemSet
from accomptk.training import Optim, Trainer

VALIDATE_EVERY = 200
VALIDATION_BATCHES = 2
ZERO_WEIGHT = 0.05  # of the views' zero
VIEW_WEIGHT = 0.5  # of each view's own loss, beside that of both


@dataclass(frozen=True, slots=True, kw_only=True)
class CoherenceRecipe:
    """How the coherence model is trained; ``seconds`` of each song are heard."""

    seed: int
    seconds: float
    size: Size
    pairs: Pairs
    optim: Optim


def fit_coherence(
    run: Run,
    recipe: CoherenceRecipe,
    data: Path,
    *,
    init: Path | None = None,
    minutes: float | None = None,
    on_hear: Callable[[int, int], None] = lambda done, total: None,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> Path:
    """Train in a run folder, or go on with what is there.

    Args:
        run: Folder to write.
        recipe: How.
        data: Prepared set with known beats.
        init: Checkpoint to start from instead of fresh weights.
        minutes: Stop soundly after this time; the same command goes on later.
        on_hear: Told how many songs were heard, of how many.
        on_step: Told step and loss.

    Returns:
        The checkpoint with averaged weights.

    Raises:
        DatasetError: If no instrument has two songs with beats and a context.
    """
    stems = StemSet.open(data)
    samplers = []
    for split in ("train", "valid"):
        songs = hear_songs(
            stems, stems.split(split), run.folder / "levels", recipe.seconds, on_hear
        )
        samplers.append(PairSampler(songs, recipe.pairs, recipe.optim.batch, WINDOW_FRAMES))
    train, valid = samplers
    if not train.instruments:
        raise DatasetError(
            f"{data}: no instrument has two training songs with beats and other stems; prepare more"
        )
    net = fresh(run, recipe.size)
    if init is not None:
        net.load_state_dict(load_tensors(init, "coherence")[0])

    def save(path: Path, weights: dict[str, Tensor], step: int) -> None:
        extra = {"data": stems.index_hash}
        save_checkpoint(
            path, weights, kind="coherence", recipe=recipe, step=step, extra=extra, half=True
        )

    trainer = Trainer(run, net, recipe.optim, save)

    def loss(step: int) -> Tensor:
        return contrast(net, train.batch(numpy_generator(run.seed, "pairs", step)))

    def report(step: int, value: float) -> None:
        on_step(step, value)
        if step % VALIDATE_EVERY == 0 and valid.instruments:
            run.log(step, **validate(net, valid, run))

    trainer.train(loss, minutes=minutes, on_step=report)
    return run.folder / "ema.safetensors"


def fresh(run: Run, size: Size) -> Similarity:
    """A network whose first weights depend on the run's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.generator("weights").initial_seed())
        return Similarity(size)


def contrast(net: Similarity, batch: Batch) -> Tensor:
    """Cross entropy of finding each context's stem among all, and each stem's context.

    A transposed stem begins its notes where the original does, so the percussive view alone is
    not asked to tell them apart.
    """
    harmonic, percussive = similarities(net, batch)
    both = harmonic + percussive
    own = torch.arange(len(both), device=both.device)
    audible = percussive[:, : 2 * len(both)] if batch.is_pitched else percussive
    found = F.cross_entropy(both, own) + F.cross_entropy(both[:, : len(both)].T, own)
    found = found + VIEW_WEIGHT * (F.cross_entropy(harmonic, own) + F.cross_entropy(audible, own))
    zero = _mean_odds(harmonic).square().mean() + _mean_odds(audible).square().mean()
    return found + ZERO_WEIGHT * zero


def _mean_odds(view: Tensor) -> Tensor:
    """Log of the mean odds of all stems in each context, [B].

    Cross entropy leaves it open; at 0 a similarity is in nats, and 0 says nothing.
    """
    return view.logsumexp(dim=1) - math.log(view.shape[1])


def similarities(net: Similarity, batch: Batch) -> tuple[Tensor, Tensor]:
    """Of each context [B] to each stem [3 B], in both views, each [B, 3 B]."""
    contexts, stems = (net(views(*levels)) for levels in (batch.contexts, batch.stems))
    found = net.compare(contexts, stems)
    return found.harmonic.float(), found.percussive.float()


@torch.inference_mode()
def validate(net: Similarity, sampler: PairSampler, run: Run) -> dict[str, float]:
    """Loss, and how often a stem goes better with its context than other stems do.

    Returns:
        ``valid_loss``, and by instrument the share of other songs' stems and of moved copies
        that are ranked below the song's own, such as ``drums_other`` and ``drums_moved``.
    """
    net.eval()
    scalars: dict[str, float] = {}
    losses = []
    for instrument in sampler.instruments:
        ranks = []
        for index in range(VALIDATION_BATCHES):
            rng = numpy_generator(run.seed, f"validation/{instrument}", index)
            batch = sampler.batch(rng, instrument)
            losses.append(contrast(net, batch).item())
            ranks.append(_ranked(similarities(net, batch)))
        other, moved, altered = torch.stack(ranks).mean(dim=0).tolist()
        scalars |= {
            f"{instrument}_other": other,
            f"{instrument}_moved": moved,
            f"{instrument}_altered": altered,
        }
    return {"valid_loss": sum(losses) / len(losses), **scalars}


def _ranked(found: tuple[Tensor, Tensor]) -> Tensor:
    """Shares of other songs' stems, moved and altered copies below the own, [3]."""
    both = found[0] + found[1]
    songs = len(both)
    own = both.diagonal()[:, None]
    others = (both[:, :songs] < own).float().sum() / (songs * (songs - 1))
    copies = [both[:, k * songs : (k + 1) * songs].diagonal()[:, None] < own for k in (1, 2)]
    return torch.stack([others, *(copy.float().mean() for copy in copies)])
