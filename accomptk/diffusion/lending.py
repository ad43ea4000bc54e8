"""Lends a model that exists the sounds of other stems to play with; no weight changes."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from accomptk.checkpoint import file_sha256, load_tensors, read_header, save_like
from accomptk.conditions.sounds import FEWEST_FRAMES, SoundBank
from accomptk.diffusion.excerpts import portraits
from accomptk.diffusion.fit import read_songs
from accomptk.errors import CheckpointError, DatasetError
from accomptk.latents.codec import check_space

LENT = ("teacher", "student")


def lend_sounds(model: Path, data: Path, space: str, out: Path) -> Mapping[str, int]:
    """Write the model with the sounds of a set's training songs in place of those that it knew.

    Instruments that the set lacks keep theirs.

    Args:
        model: Teacher or student that was trained with sounds.
        data: Prepared set with latents.
        space: Latent space of the codec whose latents are used.
        out: File to write.

    Returns:
        How many sounds there are now, by instrument of the set.

    Raises:
        CheckpointError: If the model is of another kind, or knows no sounds.
        CodecError: If it is of another latent space.
        DatasetError: If no stem of the set is of an instrument that it plays.
    """
    header = read_header(model)
    known = SoundBank.of_json(header.extra.get("sounds"))
    if header.kind not in LENT or known.space is None:
        raise CheckpointError(
            f"{model}: is a {header.kind} that was trained without sounds; give a teacher or a "
            "student that was trained with them, as the shipped ones were"
        )
    check_space(f"model '{header.kind}'", header.extra["space"], space)
    own = portraits(read_songs(data, space, "train", FEWEST_FRAMES))
    if not own:
        raise DatasetError(
            f"{data}: no stem of a training song is of an instrument that a model plays and sounds "
            f"for {FEWEST_FRAMES} frames; prepare others"
        )
    bank = known.show(own)
    extra = {**header.extra, "sounds": bank.to_json()}
    if "teacher" in extra:  # where it lies, seen from the new file
        extra["teacher"] = os.path.relpath(model.parent / extra["teacher"], out.parent)
    parents = {**header.parents, "init": file_sha256(model)}
    tensors, _ = load_tensors(model, header.kind)
    save_like(out, tensors, replace(header, parents=parents, extra=extra), half=True)
    counts = Counter(sound.instrument for sound in bank.sounds)
    return {name: counts[name] for name in dict.fromkeys(one.instrument for one in own)}
