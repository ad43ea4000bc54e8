#!/usr/bin/env bash
# The whole path at toy size: first as `accomptk` is installed, then from the built wheel in a
# clean environment, away from the clone. Only the packages that accomptk needs are shared.
set -euo pipefail
clone=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=$(command -v python3)
export OMP_NUM_THREADS=1  # these models are too small to share out

# walk NAME: every verb in the order of the data, in a folder of its own.
walk() {
  local start=$SECONDS codec teacher baseline student
  mkdir "$work/$1" && cd "$work/$1"
  echo "== $1: $(command -v accomptk)"
  accomptk --version
  accomptk prep stems "$work/songs" --out data/toy --split train --no-latents --workers 1 --quiet
  codec=$(accomptk train codec --recipe smoke/codec --data data/toy --out runs/codec --workers 1 --quiet)
  teacher=$(accomptk train teacher --recipe smoke/teacher --data data/toy --codec "$codec" \
    --out runs/teacher --quiet)
  baseline=$(accomptk train a-style --recipe smoke/a-style --data data/toy --codec "$codec" \
    --out runs/a-style --quiet)
  accomptk synth --recipe smoke/synth --teacher "$teacher" --codec "$codec" --out runs/synth --quiet
  accomptk distill --recipe smoke/distill-paired --teacher "$teacher" --data data/toy \
    --out runs/paired --quiet
  student=$(accomptk distill --data-free --recipe smoke/distill --teacher "$teacher" \
    --trajectories runs/synth --out runs/student --quiet)
  accomptk simulate "$work/songs/song-0/guitar.wav" --instruments drums --model "$student" \
    --codec "$codec" --hop 6 --beats none --out simulated/student --quiet
  accomptk simulate "$work/songs/song-0/guitar.wav" --instruments drums,bass --model "$teacher" \
    --codec "$codec" --hop 6 --steps 1 --beats none --out simulated --quiet
  accomptk eval --data data/toy --models "$teacher,$baseline" --codec "$codec" --songs 1 \
    --instruments drums --hop 6 --lookahead 0,1,2 --steps 1 --out runs/eval --workers 1 \
    --audio --json --quiet > result.json
  python3 - result.json <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
found = sorted((row["model"], row["lookahead"]) for row in result["rows"])
assert found == sorted((m, k) for m in ("a_style", "teacher") for k in (0, 1, 2)), found
wanted = {"ground_truth", "codec", "random_pairing", "tempo_matched", "click", "silence"}
assert wanted <= result["anchors"].keys(), result["anchors"].keys()
PYTHON
  accomptk report runs/eval --quiet
  accomptk report runs/eval --blind --quiet
  grep --quiet audio/webm runs/eval/report.html runs/eval/blind.html
  accomptk bench stream --instruments drums --seconds 6 --json > bench.json  # the shipped teacher
  accomptk live --copy-patch patches
  test -f patches/accomptk/accomptk.pd
  accomptk weights list
  accomptk doctor
  ls simulated
  echo "== $1: passed in $((SECONDS - start)) s"
  cd "$clone"
}

python3 "$clone/tests/write_songs.py" "$work/songs" 3 12
accomptk weights fetch
walk clone

"$python" -m pip wheel --quiet --no-deps --wheel-dir "$work" "$clone"
"$python" -m venv "$work/clean"
"$work/clean/bin/python" -m pip install --quiet --no-deps "$work"/accomptk-*.whl
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
  > "$("$work/clean/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth"
PATH="$work/clean/bin:$PATH"
cd "$work"
python3 - "$clone" <<'PYTHON'
import sys
from pathlib import Path

import accomptk
from accomptk.recipe import recipes_dir, shipped_recipes

assert not Path(accomptk.__file__).is_relative_to(sys.argv[1]), accomptk.__file__
assert recipes_dir() == Path(accomptk.__file__).parent / "recipes" and shipped_recipes()
PYTHON
walk wheel
