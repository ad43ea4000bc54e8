"""One of several processes that train a tiny teacher: ``python team_learner.py FOLDER``."""

import sys
from pathlib import Path

from accomptk.conditions.prompts import Vocabulary
from accomptk.diffusion.excerpts import ExcerptSampler
from accomptk.diffusion.fit import begin
from accomptk.diffusion.teacher import TeacherRecipe, build_teacher, teacher_loss
from accomptk.processes import Team, find_team
from accomptk.recipe import load_recipe
from accomptk.training import Trainer, step_generators
from tiny_models import CHANNELS, WORDS, noise_song

STEPS = ("optim.steps=6", "optim.batches=2", "optim.warmup=1")


class Fitting:
    """A teacher of the smoke recipe on songs of noise."""

    adapter = None

    def __init__(self, recipe: TeacherRecipe) -> None:
        self.recipe = recipe
        songs = [noise_song(f"song-{index}", 240, index) for index in range(2)]
        self.sampler = ExcerptSampler(
            songs, Vocabulary(tuple(WORDS)), recipe.geometry, recipe.drops, recipe.beat_noise
        )

    def build(self):
        return build_teacher(self.recipe, CHANNELS, len(WORDS))


def learn(folder: Path, team: Team, *overrides: str) -> list[float]:
    """The loss of each step."""
    recipe = load_recipe("smoke/teacher", TeacherRecipe, (*STEPS, *overrides))
    run, fitting, losses = team.create_run("train", folder, 0, recipe), Fitting(recipe), []
    model = begin(run, fitting)

    def loss(number):
        rng, noise = step_generators(run, number)
        return teacher_loss(model, fitting.sampler.batch(2, rng), recipe, noise)

    trainer = Trainer(run, model, recipe.optim, lambda *_: None, team)
    trainer.train(loss, on_step=lambda step, value: losses.append(value))
    return losses


if __name__ == "__main__":
    joined = find_team("cpu")
    learn(Path(sys.argv[1]), joined)
    joined.end()
