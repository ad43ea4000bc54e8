"""The parts of the live path, one by one."""

import math

import numpy as np
import pytest
import soundfile

from accomptk.errors import RecipeError, StreamError
from accomptk.live.clock import ClientClock
from accomptk.live.gap import CALM, HOPS, Keeper, Limits, choose
from accomptk.live.outlet import FADE_S, SPEED, Outlet
from accomptk.live.packets import read_packet, write_samples
from accomptk.live.protocol import CLOCK, MESSAGES, PREFIX
from accomptk.live.resampling import Resampler, lag_s
from accomptk.live.ring import Datagram, Ring
from accomptk.live.setup import Setup, read_changes
from accomptk.live.steady import SteadyBeats
from accomptk.live.timeline import Timeline, conceal, unwrap
from accomptk.live.wave_file import WaveFile
from live_rig import SETUP, noise

RATE = 44100
LIMITS = Limits(frame_ms=1000 / 12, frames=72, fixed_ms=50)


@pytest.mark.parametrize("near", [0, 5, CLOCK - 3, CLOCK + 7, 10 * CLOCK + CLOCK // 2])
@pytest.mark.parametrize("distance", [-1000, -1, 0, 1, 1000, CLOCK // 2 - 1, -CLOCK // 2 + 1])
def test_offsets_are_unwrapped_to_the_nearest_position(near, distance):
    assert unwrap((near + distance) % CLOCK, near) == near + distance


def test_a_ring_drops_what_does_not_fit():
    ring = Ring(capacity=100)
    for _ in range(3):
        ring.put(Datagram(b"x" * 40, ("127.0.0.1", 1), 0.0))
    assert ring.dropped == 1
    assert [ring.take() is None for _ in range(3)] == [False, False, True]
    ring.put(Datagram(b"x" * 100, ("127.0.0.1", 1), 0.0))
    assert ring.take() is not None


def test_a_timeline_puts_pieces_in_order_and_counts():
    timeline, wav = Timeline(RATE), noise(0.1)
    for first in (1000, 0, 3000, 0):
        assert timeline.place(first, wav[first : first + 1000])
    assert timeline.holds(2000)
    assert not timeline.holds(2001)  # a hole
    assert timeline.counts.doubled == 1000
    assert np.array_equal(timeline.take(2000)[0], wav[:2000])
    _, missing = timeline.take(2000)
    assert (missing, timeline.counts.lost) == (1000, 1000)
    timeline.place(3900, wav[3900:4100])
    assert timeline.counts.late == 100
    assert timeline.holds(100)
    assert not timeline.holds(101)  # the end
    assert not timeline.place(20 * RATE, wav)


def test_a_hole_is_filled_without_a_click():
    wav = np.sin(np.arange(4000) * 0.05).astype(np.float32)
    here = np.ones(4000, np.bool_)
    here[1500:3000] = False
    filled = conceal(np.where(here, wav, 9.0), here, np.zeros(882, np.float32))
    assert np.array_equal(filled[here], wav[here])
    assert np.abs(np.diff(filled[1400:2990])).max() < 0.2
    assert not filled[2400:3000].any()


def test_a_clock_follows_drift_and_measures_delay():
    clock = ClientClock(RATE)
    assert clock.position(0.0) is None
    for step in range(2000):
        at_s = step * 0.01
        clock.note(round(at_s * RATE * 0.999), at_s + (0.05 if step % 3 else 0.0))
    assert clock.position(20.0) == pytest.approx(20 * RATE * 0.999, abs=0.006 * RATE)
    assert clock.delay_s == pytest.approx(0.05, abs=0.01)
    assert clock.is_silent(26.0, 5.0)
    assert not clock.is_silent(20.0, 5.0)


@pytest.mark.parametrize("rate", [48000, 88200, 96000])
def test_resampling_keeps_its_place(rate):
    """There and back in uneven blocks; ``test_engine`` does an hour of it."""
    inward, outward = Resampler(rate, RATE), Resampler(RATE, rate)
    blocks = (rate // 3, rate // 7, 5 * rate - rate // 3 - rate // 7)
    heard = made = 0
    found, click = [], 90 * rate + 123
    while heard < 100 * rate:
        for size in blocks:
            wav = np.zeros((1, size), np.float32)
            if heard <= click < heard + size:
                wav[0, click - heard] = 1
            heard += size
            out = outward.push(inward.push(wav))
            found += [made + int(out.argmax())] if out.size and out.max() > 0.3 else []
            made += out.shape[1]
    assert found == pytest.approx([click], abs=1)
    assert 0 <= heard - made <= (lag_s(rate, RATE) + lag_s(RATE, rate)) * rate + 1


def samples_of(data):
    packet = read_packet(data, MESSAGES)
    return int(packet.values[1]), int(packet.values[2]), packet.samples


def open_outlet():
    clock = ClientClock(RATE)
    clock.note(0, 0.0)

    def write(stem, position, samples):
        return write_samples(f"{PREFIX}audio/out", (1, stem, position), samples)

    return Outlet(clock, 512, write, allowance_s=0.0)


def test_packets_leave_in_order_of_time_faster_than_they_are_played():
    outlet, wav = open_outlet(), np.stack([noise(0.5), noise(0.5, seed=1)])
    outlet.deliver(44100, wav, now_s=0.0)
    looks = [(now_s, outlet.due(now_s)) for now_s in np.arange(0, 0.5, 0.001)]
    sent = [samples_of(data)[:2] for _, due in looks for data in due]
    assert len(sent) == 2 * math.ceil(22050 / 512)
    assert sent == sorted(sent, key=lambda item: (item[1], item[0]))
    last_s = max(now_s for now_s, due in looks if due)
    assert last_s == pytest.approx(0.5 / SPEED, abs=0.02)


def test_the_last_chunk_fades_out_when_nothing_follows():
    outlet = open_outlet()
    outlet.deliver(4410, np.ones((1, 22050), np.float32), now_s=0.0)
    outlet.due(0.3)
    (data,) = [data for data in outlet.due(0.58) if samples_of(data)[1] > 25000]
    _, position, samples = samples_of(data)
    assert position == 4410 + 22050 - round(FADE_S * RATE)
    assert samples[0] == 1
    assert samples[-1] == 0
    assert outlet.due(0.7) == []


def test_the_shortest_hop_and_gap_that_hold_are_chosen():
    assert choose(LIMITS, lambda hop: 20.0) == (3, 1)
    assert choose(LIMITS, lambda hop: 180.0) == (
        6,
        4,
    )  # 3 frames are 250 ms
    measured = []
    assert choose(LIMITS, lambda hop: measured.append(hop) or 500.0) == (12, 9)
    assert measured == [3, 12]  # nothing between them could hold
    hop, gap = choose(LIMITS, lambda hop: 20000.0)
    assert hop in HOPS
    assert hop + gap <= LIMITS.most
    assert choose(LIMITS, lambda hop: 180.0, hops=(9,)) == (9, 4)


def test_a_keeper_widens_at_once_and_narrows_slowly():
    keeper = Keeper(LIMITS, keeps_hop=False)
    assert keeper.note(6, 3, 100.0, is_late=False) is None
    assert keeper.note(6, 3, 250.0, is_late=True) == (6, 5)
    assert keeper.note(6, 5, 100.0, is_late=False) is None
    calm = [keeper.note(6, 5, 100.0, is_late=False) for _ in range(2 * CALM)]
    assert (6, 4) in calm
    assert keeper.note(6, 5, 700.0, is_late=True)[0] == 9


def test_a_keeper_leaves_the_users_hop_alone():
    assert Keeper(LIMITS, keeps_hop=True).note(6, 5, 700.0, is_late=True) == (6, 13)


def test_a_setup_is_written_and_read():
    setup = Setup(**{**SETUP.to_json(), "grid": (1.0, 90.0, 0.0, 3), "own": (("bass", "x"),)})
    as_lists = {"grid": [1.0, 90.0, 0.0, 3], "own": [["bass", "x"]]}
    assert Setup(**read_changes({**setup.to_json(), **as_lists})) == setup
    with pytest.raises(StreamError, match="unknown key 'colour'"):
        read_changes({"colour": 1})


def test_a_setup_becomes_controls():
    setup = Setup(**{**SETUP.to_json(), "energy": 0.75, "second": "b", "interpolation": 0.25})
    controls = setup.controls(72, None)
    assert (controls.energy, controls.density, controls.mix) == (0.5, None, 0.25)
    assert controls.prompts_b == ("b", "b")
    assert controls.temperature == 1.0
    with pytest.raises(RecipeError, match="leaves no context"):
        Setup(**{**SETUP.to_json(), "gap": 70}).controls(72, None)


def test_steady_beats_are_where_they_are_stated():
    beats = SteadyBeats(at_s=1.0, bpm=120.0, beat=2.0, meter=4)
    rows = beats.features(0, 24, 36)
    phase = 2 * np.pi * (2.0 + ((24 + np.arange(12) + 0.5) / 12 - 1.0) * 2)
    assert np.allclose(rows[0], np.sin(phase), atol=1e-5)
    assert np.allclose(rows[2], np.sin(phase / 4), atol=1e-5)
    assert np.allclose(rows[4:], [[0.0], [1.0]])


def test_a_wave_file_is_whole_at_any_time(tmp_path):
    wav = noise(0.5)
    with WaveFile(tmp_path / "a.wav", 48000) as file:
        file.write(wav[:1000])
        assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0], wav[:1000])
        file.write(wav[1000:])
    heard, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 48000
    assert np.array_equal(heard, wav)
