"""A client and a server on a virtual clock."""

import numpy as np
import pytest

from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.thesaurus import Thesaurus
from accomptk.live.commands import COMMANDS
from accomptk.live.packets import write_message, write_samples
from accomptk.live.protocol import CLOCK, MESSAGES, PREFIX, PROTOCOL
from live_rig import DELAY, HOST, SIZE, Rig, changed, noise

FADED = (DELAY + 9) * SIZE + 2048  # past the first fade-in


def same(rig, wav, last, first=FADED):
    """Whether both stems repeat the context, DELAY frames late, sample by sample."""
    shift = DELAY * SIZE
    expected = wav[first - shift : last - shift]
    return all(np.array_equal(rig.heard[stem][first:last], expected) for stem in (0, 1))


def test_accompanies_sample_by_sample():
    rig, wav = Rig().join(), noise(6.0)
    rig.stream_in(wav)
    assert same(rig, wav, 6 * 44100)
    assert rig.desk.state()[3:] == (0, 0, 0)
    assert not rig.heard[0][: (6 + 3) * SIZE].any()


def test_every_message_of_the_table_is_obeyed():
    incoming = {message.name for message in MESSAGES.values() if message.direction == "in"}
    assert COMMANDS.keys() == incoming - {"hello", "audio/in", "clock"}


def test_says_hello():
    answers = dict(Rig().hello())
    assert answers["welcome"][1:] == [PROTOCOL, 44100, 1, 0]
    assert answers["stems"] == ["drums", "bass"]
    assert answers["window"] == [6, 3, 500.0, 250.0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"protocol": 2}, "protocol 2"), ({"rate": 50000}, "sample rate 50000 Hz")],
)
def test_refuses_a_client_that_does_not_fit(changes, reason):
    rig = Rig()
    values = {"protocol": PROTOCOL, "rate": 44100, **changes}
    answers = rig.say("hello", "x", values["protocol"], values["rate"], 512, 8000)
    assert [name for name, _ in answers] == ["fail"]
    assert reason in answers[0][1][1]
    assert rig.desk.client is None


def test_one_client_at_a_time():
    rig = Rig().join()
    answers = rig.hello(name="other", port=8001)
    assert [name for name, _ in answers] == ["fail"]
    assert "busy: 'rig' plays" in answers[0][1][1]
    rig.say("bye")
    assert dict(rig.hello(name="other", port=8001))["welcome"][3] == 2


def test_a_client_that_is_gone_leaves_its_place():
    rig = Rig().join()
    rig.wait(5.1, 0.5)
    assert dict(rig.hello(name="other", port=8001))["welcome"][3] == 2


def test_a_client_that_comes_back_goes_on_with_its_stream():
    rig, wav = Rig().join(), noise(8.0)
    rig.stream_in(wav[: 4 * 44100])
    rig.wait(20.0, 0.5)
    assert rig.say("status")[0][1][0] == "waiting"
    stream, reached = dict(rig.hello())["welcome"][3:]
    assert stream == 1
    assert 8 * 44100 < reached < 10 * 44100  # five seconds were concealed before it was given up
    rig.say("start")
    rig.position = reached
    rig.stream_in(wav[4 * 44100 :])
    first, last = reached + FADED, reached + 4 * 44100
    expected = wav[4 * 44100 :][first - reached - DELAY * SIZE : last - reached - DELAY * SIZE]
    assert np.array_equal(rig.heard[0][first:last], expected)
    assert rig.desk.state()[0] == "playing"


def test_stop_and_start_keep_what_was_heard():
    rig, wav = Rig().join(), noise(8.0)
    rig.stream_in(wav[: 4 * 44100])
    rig.say("stop")
    rig.wait(1.0, 0.1)
    assert rig.desk.state()[0] == "stopped"
    rig.say("start")
    rig.stream_in(wav[4 * 44100 :])
    assert same(rig, wav, 8 * 44100 - 9 * SIZE, first=6 * 44100)


def test_reset_begins_another_stream():
    rig = Rig().join()
    rig.say("prompt", "slow")
    rig.stream_in(noise(3.0))
    answers = dict(rig.say("reset"))
    assert answers["welcome"][3:] == [2, 0]
    assert rig.desk.playing.wanted.prompt == "slow"
    before = rig.desk.ignored
    rig.audio(noise(0.01))  # still of the old stream
    assert rig.desk.ignored == before + 1


def test_offsets_wrap():
    """The client's counter jumps twice, far further than it may be away, and goes on past CLOCK."""
    rig, wav = Rig().join(), noise(6.0)
    for jump in (CLOCK // 2 - 44100, CLOCK - 2 * 44100):
        rig.audio(noise(0.01), offset=jump)
        rig.run()
    rig.position = begin = CLOCK - 2 * 44100 + 441
    rig.stream_in(wav)
    assert rig.desk.playing.timeline.taken > CLOCK
    assert rig.desk.playing.figures.late == 0
    first, last = 3 * 44100, 4 * 44100  # after the wrap, as the client counts
    shift = CLOCK - begin - DELAY * SIZE
    assert np.array_equal(rig.heard[0][first:last], wav[first + shift : last + shift])


@pytest.mark.parametrize(
    ("message", "setting"),
    [
        (("prompt", "jazz", "120", "bpm"), {"prompt": "jazz 120 bpm"}),
        (("prompt",), {"prompt": None}),
        (("prompt/second", "loud"), {"second": "loud"}),
        (("prompt/stem", "bass", "walking"), {"own": (("bass", "walking"),)}),
        (("instruments", "piano"), {"instruments": ("piano",)}),
        (("control", "energy", 1), {"energy": 1.0}),
        (("control", "temperature", 1.5), {"temperature": 1.5}),
        (("control", "tension", -1.0), {"tension": -1.0}),
        (("beats", 44100, 90.0, 2.0, 3), {"grid": (1.0, 90.0, 2.0, 3)}),
        (("config", "hop", "750ms"), {"hop": 9}),
        (("config", "hop", 4.0), {"hop": 4}),
        (("config", "gap", 5), {"gap": 5}),
        (("config", "lookahead", 2), {"gap": 6}),
        (("config", "steps", 3), {"steps": 3}),
        (("config", "mode", "prompt"), {"mode": "prompt"}),
        (("config", "beats", "given"), {"beats": "given"}),
    ],
)
def test_settings_are_taken(message, setting):
    rig = Rig()
    rig.hello()
    answers = dict(rig.say(*message))
    assert answers["done"] == [message[0]], answers
    wanted = rig.desk.playing.wanted
    assert {name: getattr(wanted, name) for name in setting} == setting
    rig.say("start")
    rig.stream_in(noise(1.5))
    assert rig.desk.playing.performance.setup == wanted


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (("instruments", "kazoo"), "instrument 'kazoo'"),
        (("instruments",), "none is named"),
        (("instruments", "bass", "bass"), "named twice"),
        (("prompt/stem", "piano", "x"), "'piano': does not play"),
        (("control", "volume", 1.0), "'volume' is not one of"),
        (("control", "energy", 1.5), "at most 1"),
        (("config", "hop", "soon"), "'soon': not a length"),
        (("config", "gap", 0), "at least 1 frame"),
        (("config", "gap", 71), "leaves no context"),
        (("config", "lookahead", 1), "from 2 on"),
        (("config", "mode", "sing"), "mode 'sing'"),
        (("config", "transport_ms", -1), "0 to 2000"),
        (("config", "colour", 1), "'colour' is not one of"),
        (("beats", 0, 1.0, 0.0, 4), "bpm = 1: outside"),
        (("start", 1), "0 arguments are wanted, 1 came"),
        (("nonsense",), "no such message"),
    ],
)
def test_what_makes_no_sense_fails_and_changes_nothing(message, reason):
    rig = Rig()
    rig.hello()
    before = rig.desk.playing.wanted
    answers = rig.say(*message)
    assert [name for name, _ in answers] == ["fail"]
    assert reason in answers[0][1][1]
    assert rig.desk.playing.wanted == before


def test_words_that_the_model_never_saw_are_named():
    rig = Rig()
    rig.hello()
    assert dict(rig.say("prompt", "zydeco"))["notice"] == ["prompt: 'zydeco' is not known"]


def test_a_thesaurus_says_what_it_took_and_the_model_is_told_that():
    known = Vocabulary(("slow", "jazz"))
    rig = Rig(thesaurus=Thesaurus(known, lambda texts: np.ones((len(texts), 1))))
    rig.model.vocabulary = known
    rig.hello()
    notice = dict(rig.say("prompt", "lazy", "jazz"))["notice"]
    assert notice == ["prompt: 'lazy' is taken as 'slow'"]
    assert rig.desk.playing.wanted.prompt == "slow jazz"


def test_small_talk():
    rig = Rig()
    rig.hello()
    assert rig.say("ping", 7) == [("pong", [7])]
    assert rig.say("status")[0] == ("state", ["stopped", 0.0, 0.0, 0, 0, 0])
    echo = write_samples(PREFIX + "packet_test", (3,), np.arange(5, dtype=np.float32))
    rig.send(echo)
    rig.collect()
    assert rig.messages[-1] == ("packet_echo", [3, 0.0, 1.0, 2.0, 3.0, 4.0])
    rig.wait(3.05)
    assert rig.named("heartbeat") == [[0], [1], [2]]
    rig.say("quit")
    assert rig.desk.is_ended


def test_answers_go_to_the_reply_port_only():
    rig = Rig()
    rig.hello(port=9001, peer=(HOST, 61234))
    rig.say("ping", 1, peer=(HOST, 50000))
    assert set(rig.peers) == {(HOST, 9001)}


def test_strangers_get_no_answer_and_change_nothing():
    rig = Rig().join()
    rig.messages.clear()
    before = rig.desk.playing.wanted
    for message in (("prompt", "x"), ("stop",), ("quit",), ("nonsense",)):
        rig.say(*message, peer=("10.0.0.9", 5000))
    assert rig.messages == []
    assert rig.desk.playing.wanted == before
    assert rig.desk.playing.is_playing
    assert not rig.desk.is_ended
    assert rig.desk.ignored == 4


def test_a_flood_of_nonsense_is_answered_five_times_a_second():
    rig = Rig()
    rig.hello()
    for _ in range(200):
        rig.say("nonsense")
    assert len(rig.named("fail")) == 5
    rig.time_s += 1.0
    for _ in range(200):
        rig.say("nonsense")
    assert len(rig.named("fail")) == 10
    assert rig.desk.ignored == 400


def test_bundles_are_taken_at_once_whatever_their_time():
    rig = Rig()
    rig.hello()
    parts = [write_message(PREFIX + "ping", 1), write_message(PREFIX + "ping", 2)]
    body = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    far_ahead = (2**63).to_bytes(8, "big")
    rig.send(b"#bundle\0" + far_ahead + body)
    rig.collect()
    assert rig.named("pong") == [[1], [2]]


def test_instruments_come_and_go():
    rig, wav = Rig().join(), noise(12.0)
    rig.stream_in(wav[: 4 * 44100])
    rig.say("instruments", "piano", "bass", "drums")
    assert rig.named("stems")[-1] == ["piano", "bass", "drums"]
    rig.stream_in(wav[4 * 44100 :])
    assert set(rig.heard) == {0, 1, 2}
    assert same(rig, wav, 11 * 44100, first=7 * 44100)
    assert rig.desk.state()[3:5] == (0, 0)


def test_prompt_mode_plays_without_any_context():
    rig = Rig(changed(mode="prompt")).join()
    rig.wait(3.0)
    assert rig.desk.playing.figures.chunks >= 5
    assert rig.desk.state()[0] == "playing"


def test_prompt_mode_follows_the_clients_clock():
    rig = Rig(changed(mode="prompt")).join()
    for step in range(300):
        rig.time_s += 0.01 * 1.001  # a sound card that is slower than it says
        rig.send(write_message(PREFIX + "clock", rig.stream, round(441 * step)))
        rig.run()
    reached = rig.desk.playing.outlet.end
    assert reached == pytest.approx(300 * 441 + 3 * SIZE, abs=6 * SIZE)
    assert rig.desk.state()[4] == 0


def test_packets_leave_at_a_pace_that_a_patch_can_take():
    four = changed(instruments=("drums", "bass", "guitar", "piano"), hop=18, gap=18)
    rig = Rig(four, packet=512).join()
    wav = noise(1.5)
    for first in range(0, len(wav), 512):
        rig.audio(wav[first : first + 512])
    assert rig.desk.work()
    sent = len(rig.desk.due(rig.time_s))
    assert sent <= 8
    most = 0
    for _ in range(2000):
        rig.time_s += 0.001
        now = len(rig.desk.due(rig.time_s))
        most, sent = max(most, now), sent + now
    assert sent >= 4 * 130
    assert most <= 8
