"""Lines that lose, double, swap and hold up packets; clients and machines that stop and jump."""

import numpy as np
import pytest

from accomptk.live.packets import write_samples
from accomptk.live.protocol import PREFIX
from live_rig import DELAY, SIZE, Link, Rig, changed, noise

RATE = 44100


def played(rig, first, last):
    """What came of the first stem between two times in seconds."""
    return rig.heard[0][round(first * RATE) : round(last * RATE)]


def level(wav):
    return float(np.sqrt(np.mean(np.square(wav))))


@pytest.mark.parametrize("loss", [0.001, 0.01, 0.1])
def test_random_loss_is_concealed_and_counted(loss):
    rig, wav, link = Rig().join(), noise(8.0), Link(loss=loss, seed=int(1000 * loss))
    rig.stream_in(wav, link)
    rig.wait(0.5)
    lost = rig.desk.playing.timeline.counts.lost
    assert lost >= link.lost * rig.packet * 0.9
    assert rig.desk.playing.performance.frames >= 7.5 * 12  # the stream kept wall time
    assert sum(count for _, count in rig.named("underrun")) == lost
    heard = played(rig, 4, 7.5)
    assert np.isfinite(heard).all()
    assert level(heard) == pytest.approx(level(wav), rel=0.02 + 2 * loss)
    assert np.abs(heard).max() <= np.abs(wav).max()
    assert rig.desk.state()[4] == 0


def test_bursts_of_loss():
    rig, link = Rig().join(), Link(loss=0.05, burst=20, seed=4)
    rig.stream_in(noise(8.0), link)
    assert link.lost >= 20
    assert rig.desk.playing.figures.late == 0
    assert rig.desk.playing.performance.frames >= 7 * 12


def test_doubled_and_swapped_packets_change_nothing():
    wav, link = noise(6.0), Link(double=0.2, swap=0.2, seed=1)
    spoiled, clean = Rig().join().stream_in(wav, link), Rig().join().stream_in(wav)
    assert link.doubled > 20
    assert spoiled.desk.playing.timeline.counts.doubled >= link.doubled * 400
    assert spoiled.desk.state()[3:] == (0, 0, 0)
    assert np.array_equal(played(spoiled, 3, 5.5), played(clean, 3, 5.5))


def test_jitter_of_200_ms_is_waited_for_once_it_is_known():
    rig = Rig(changed(gap=9)).join()
    rig.stream_in(noise(4.0), Link(jitter_s=0.2, seed=2))
    after = rig.desk.playing.timeline.counts.lost
    rig.stream_in(noise(6.0), Link(jitter_s=0.2, seed=3))
    assert rig.desk.playing.timeline.counts.lost - after < 0.05 * 6 * RATE
    assert rig.desk.state()[4] == 0
    assert level(played(rig, 6.5, 9.5)) == pytest.approx(0.1, rel=0.1)


def test_a_machine_that_slept_goes_on_where_it_was():
    """An hour passes for the clock, none for the client."""
    rig, wav = Rig().join(), noise(12.0)
    rig.stream_in(wav[: 4 * RATE])
    frames = rig.desk.playing.performance.frames
    rig.time_s += 3600
    rig.run()
    assert rig.desk.playing.performance.frames - frames <= 6
    rig.stream_in(wav[4 * RATE :])
    first = 8 * RATE
    shift = DELAY * SIZE
    assert np.array_equal(rig.heard[0][first : 11 * RATE], wav[first - shift : 11 * RATE - shift])


def test_a_client_that_jumps_ahead_is_followed():
    rig = Rig().join()
    rig.stream_in(noise(3.0))
    rig.position += 40 * RATE
    rig.time_s += 40
    rig.stream_in(noise(5.0, seed=1))
    position = rig.desk.playing.performance.frames * SIZE
    assert position == pytest.approx(48 * RATE, abs=RATE)
    assert rig.desk.playing.timeline.counts.skipped > 20 * RATE
    assert level(played(rig, 46.5, 47.5)) == pytest.approx(0.1, rel=0.1)


def test_a_step_that_is_too_slow_is_cut_and_faded_in():
    """One chunk comes 300 ms late: what is left of it lies in its place and fades in."""
    slow = [0.0] * 6 + [0.55] + [0.0] * 30  # the gap is 250 ms
    rig = Rig()
    rig.model.cost_s = lambda chunk: slow.pop(0)
    rig.join()
    wav = noise(8.0)
    rig.stream_in(wav)
    ((first, cut),) = rig.named("late")
    assert cut == pytest.approx(0.3 * RATE, abs=1100)
    assert rig.desk.state()[4] == 1
    track, shift = rig.heard[0], DELAY * SIZE
    fade = 441
    assert not track[first : first + cut].any()
    begin = first + cut
    expected = wav[begin - shift : begin - shift + fade]
    assert np.allclose(track[begin : begin + fade], expected * np.linspace(0, 1, fade), atol=1e-6)
    rest = slice(begin + fade, 7 * RATE)
    assert np.array_equal(track[rest], wav[rest.start - shift : rest.stop - shift])
    before = slice(first - fade, first)
    faded = wav[before.start - shift : before.stop - shift] * np.linspace(1, 0, fade)
    assert np.allclose(track[before], faded, atol=1e-6)


def test_a_machine_that_cannot_keep_up_leaves_hops_out_and_keeps_its_place():
    rig = Rig()
    rig.model.cost_s = lambda chunk: 0.7  # a hop is 500 ms
    rig.join().stream_in(noise(9.0))
    figures = rig.desk.playing.figures
    assert figures.leaps >= 1
    assert rig.desk.playing.performance.frames * SIZE / RATE > rig.position / RATE - 3.0


def test_the_gap_widens_under_load_and_narrows_again(monkeypatch):
    monkeypatch.setattr("accomptk.live.gap.CALM", 12)
    cost_s = [0.05]
    rig = Rig(changed(gap=3), auto_gap=True)
    rig.model.cost_s = lambda chunk: cost_s[0]
    rig.join()
    keeper = rig.desk.playing.keeper
    note = keeper.note  # the ledger's clock is the machine's, the cost is virtual
    keeper.note = lambda hop, gap, step_ms, is_late: note(hop, gap, 1000 * cost_s[0], is_late)
    rig.stream_in(noise(4.0))
    assert rig.desk.playing.wanted.gap == 3
    cost_s[0] = 0.3
    rig.stream_in(noise(4.0))
    wide, late = rig.desk.playing.wanted.gap, rig.desk.state()[4]
    assert wide >= 5
    assert rig.named("window")[-1][1] == wide
    rig.stream_in(noise(4.0))
    assert rig.desk.state()[4] == late
    cost_s[0] = 0.05
    rig.stream_in(noise(10.0))
    assert rig.desk.playing.wanted.gap < wide
    assert rig.desk.state()[4] == late


def test_a_step_that_fails_does_not_end_the_show():
    rig = Rig().join()
    wav = noise(9.0)
    rig.stream_in(wav[: 3 * RATE])
    play = rig.model.play
    rig.model.play = lambda *arguments: 1 / 0
    with pytest.raises(ZeroDivisionError):
        rig.stream_in(wav[3 * RATE : 4 * RATE])
    rig.model.play = play
    rig.desk.recover()
    rig.collect()
    assert "fresh engine" in rig.named("notice")[-1][0]
    rig.stream_in(wav[rig.position : 9 * RATE])
    shift, first = DELAY * SIZE, 8 * RATE
    assert np.array_equal(rig.heard[0][first : 9 * RATE], wav[first - shift : 9 * RATE - shift])


def test_two_clients_do_not_mix():
    rig, wav = Rig().join(), noise(5.0)
    for first in range(0, len(wav), 512):
        rig.stream_in(wav[first : first + 512])
        rig.send(write_samples(f"{PREFIX}audio/in", (rig.stream + 1, first), np.ones(100)))
    assert np.abs(rig.heard[0]).max() < 0.9
    assert rig.desk.ignored == -(-len(wav) // 512)
