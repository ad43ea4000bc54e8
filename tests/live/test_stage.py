"""What streams share: models, takes, and a hop and gap that hold here."""

from dataclasses import replace

from accomptk.live.gap import HOPS
from accomptk.live.rehearsal import fit
from live_rig import SETUP, Rig


def test_hop_and_gap_are_chosen_from_measured_steps():
    stage = Rig(auto_hop=True, auto_gap=True).stage
    fit(stage, 44100)
    assert stage.setup.hop in HOPS
    assert 1 <= stage.setup.gap <= stage.limits(44100).most - stage.setup.hop


def test_the_users_own_hop_and_gap_are_left_alone():
    own = replace(SETUP, hop=5, gap=7)
    fixed = Rig(own).stage
    fit(fixed, 44100)
    assert fixed.setup == own
    kept = Rig(own, auto_gap=True).stage
    fit(kept, 44100)
    assert kept.setup.hop == 5


def test_converting_rates_and_a_long_line_cost_gap():
    stage = Rig().stage
    near = stage.limits(44100).fixed_ms
    assert stage.limits(48000).fixed_ms > near + 20
    stage.round_trip_s = 0.2
    assert stage.limits(44100).fixed_ms > near + 150
