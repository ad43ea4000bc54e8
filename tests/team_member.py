"""One of several processes that evaluate together: ``python team_member.py FOLDER``."""

import sys
from dataclasses import replace
from pathlib import Path

from accomptk.metrics.cache import AnchorCache
from accomptk.processes import find_team
from accomptk.stems.index import StemSet
from accomptk.streaming.entries import NOTHING_PLAYED
from accomptk.streaming.evaluate import evaluate
from accomptk.streaming.outcomes import OutcomeStore
from accomptk.streaming.parts import find_parts
from accomptk.streaming.stage import Stage
from fake_judges import PANEL
from tiny_codecs import Echo, Passthrough

RECIPE = replace(
    NOTHING_PLAYED,
    data="band",
    split="test",
    models=("echo",),
    instruments=("drums",),
    lookahead=(0,),
    hop=(18,),
    beats="none",
)


def main(folder: Path) -> None:
    """Do a share of the jobs; each says how many, the first also what all of them came to."""
    team = find_team("cpu")
    folder = team.agree(folder)
    stems = StemSet.open(folder / "band")
    parts, _ = find_parts(stems.songs, RECIPE.instruments)
    stage = Stage(
        stems=stems,
        codec=Passthrough(),
        panel=PANEL,
        recipe=RECIPE,
        pool=parts,
        anchors=AnchorCache(folder / "anchors"),
        outcomes=OutcomeStore(folder / "outcomes"),
    )
    done = []
    result = evaluate(
        stage,
        list(RECIPE.entries([("echo", Echo(), "")])),
        parts,
        team=team,
        progress=lambda number, total, what: done.append(what),
    )
    rows = [len(tally.judged) for _, tally in result.entries] if team.leads else []
    sys.stdout.write(f"{team.rank} of {team.size}: {len(done)} jobs, {rows}\n")
    team.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
