"""Opens what an evaluation names: songs, parts, models, and other systems' predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from accomptk.diffusion.accompanist import Accompanist
from accomptk.errors import DatasetError, RecipeError
from accomptk.metrics.judge import Panel
from accomptk.stems.index import INDEX_NAME, StemSet
from accomptk.stems.instruments import CLASSES, INSTRUMENTS
from accomptk.streaming.beat_sources import TRACKER_EARS
from accomptk.streaming.entries import Entry, EvalRecipe
from accomptk.streaming.models import SHIPPED, load_model, shipped_path
from accomptk.streaming.parts import Part, choose_songs, find_others, find_parts
from accomptk.streaming.recordings import FOLDER, open_predictions
from accomptk.streaming.stage import beats_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What an evaluation works on.

    Attributes:
        stems: The set that holds the songs.
        parts: What is played.
        pool: What random pairings are chosen from.
        others: Of songs of other splits; empty if there are none.
        left_out: What is not played, as (song, reason).
        entries: The rows.
    """

    stems: StemSet
    parts: list[Part]
    pool: list[Part]
    others: list[Part]
    left_out: list[tuple[str, str]]
    entries: list[Entry]

    @property
    def songs(self) -> list[str]:
        """Names of the songs that are played."""
        return list(dict.fromkeys(part.song.track for part in self.parts))


def open_session(recipe: EvalRecipe, root: Path, device: torch.device) -> Session:
    """Open the songs of a set, or those of predictions, and everything that plays them.

    Args:
        recipe: What is evaluated.
        root: Folder of the prepared set; unused where the recipe names predictions.
        device: Where models compute.
    """
    loaded = [_load(path, device) for path in recipe.models]
    names = name_models([model.name for model, _ in loaded], recipe.models)
    models = [(name, *pair) for name, pair in zip(names, loaded, strict=True)]
    entries = list(recipe.entries(models))
    if recipe.predictions:
        return _open_predictions(recipe, entries)
    stems = StemSet.open(root)
    songs = choose_songs(stems, recipe.split, recipe.songs or None)
    parts, left_out = find_parts(songs, recipe.instruments)
    pool, _ = find_parts(choose_songs(stems, recipe.split), recipe.instruments)
    return Session(
        stems=stems,
        parts=parts,
        pool=pool,
        others=find_others(stems, songs, recipe.instruments),
        left_out=left_out,
        entries=entries,
    )


def prepare_songs(folder: Path, out: Path, workers: int) -> Path:
    """The folder of a prepared set: the one given, or ``out``, made of a folder of songs.

    Raises:
        DatasetError: If there is no audio.
    """
    if (folder / INDEX_NAME).is_file() or not folder.is_dir():
        return folder
    from accomptk.stems.folder import tasks
    from accomptk.stems.prepare import prepare

    prepare(out, tasks(folder, "test"), name=folder.name, source=str(folder), workers=workers)
    return out


def check_ears(panel: Panel, entries: Sequence[Entry], parts: Sequence[Part], beats: str) -> None:
    """Refuse a table whose judge is the tracker that told a model the beat.

    Raises:
        RecipeError: If a network of the judge is one of the tracker.
    """
    shared = set(panel.ears) & set(TRACKER_EARS)
    told = {beats_source(part, beats, entry.player) for entry in entries for part in parts}
    if shared and "tracker" in told:
        raise RecipeError(
            f"beats: models would be told the beat by {', '.join(sorted(shared))}, which is also "
            "the judge; use --beats none, --beats given, or another judge"
        )


def _open_predictions(recipe: EvalRecipe, entries: list[Entry]) -> Session:
    """The first folder says which songs there are, the others must have the same."""
    opened = [(Path(name), *open_predictions(Path(name))) for name in recipe.predictions]
    _, stems, parts, _ = opened[0]
    wanted = recipe.instruments or (INSTRUMENTS if entries else CLASSES)
    parts = [part for part in parts if part.stem.instrument in wanted]
    if not parts:
        raise DatasetError(
            f"{recipe.predictions[0]}: holds no {', '.join(wanted)}; give other --instruments"
        )
    recorded = []
    for folder, _, _, player in opened:
        absent = [part.name for part in parts if part.name not in player.files]
        if absent:
            raise DatasetError(
                f"{folder}: has no '{absent[0]}', which {recipe.predictions[0]} has; "
                "compare folders of the same parts"
            )
        name = folder.parent.name if folder.name == FOLDER else folder.name
        recorded.append(Entry(name, player, recipe=f"recorded {folder.name}"))
    entries = [*recorded, *entries]
    return Session(stems=stems, parts=parts, pool=parts, others=[], left_out=[], entries=entries)


def name_models(kinds: Sequence[str], paths: Sequence[str]) -> list[str]:
    """A name for each model: its kind, or where that is not clear its folder and file.

    Raises:
        RecipeError: If two of them cannot be told apart.
    """
    names = [
        kind if path in SHIPPED or kinds.count(kind) == 1 else _name_file(Path(path))
        for kind, path in zip(kinds, paths, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"models: two are called '{name}'; rename a file or its folder")
    return names


def _name_file(path: Path) -> str:
    """Folder and name of a file; the folder alone says enough of a run's averaged weights."""
    folder = path.absolute().parent.name
    return folder if path.stem == "ema" else f"{folder}-{path.stem}"


def _load(path: str, device: torch.device) -> tuple[Accompanist, str]:
    from accomptk.checkpoint import read_header

    model = load_model(path, device)
    header = read_header(shipped_path(path) if path in SHIPPED else Path(path))
    return model, f"{header.kind} {header.recipe_hash[:8]}"
