import zipfile

import numpy as np
import pytest
import torch

from accomptk.checkpoint import save_checkpoint
from accomptk.errors import CheckpointError
from accomptk.weights.beatnet import (
    BANDS,
    DELAY_SAMPLES,
    FEATURES,
    FRAME_SAMPLES,
    BeatNet,
    FeatureStream,
    beat_features,
    convert,
    load_beatnet,
)


@pytest.fixture
def wav(rng):
    return (0.1 * rng.standard_normal(22_050)).astype(np.float32)


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)  # of some first weights nothing comes through the rectifiers
        return BeatNet().eval().requires_grad_(False)


@pytest.fixture
def wheel(tmp_path):
    """A wheel as the authors made it: other names of the layers, one file a network."""
    theirs = {"conv": "conv1", "squeeze": "linear0", "lstm": "lstm", "classify": "linear"}
    with zipfile.ZipFile(tmp_path / "beatnet.whl", "w") as archive:
        for network in (1, 2, 3):
            state = {}
            for name, tensor in BeatNet().state_dict().items():
                layer, _, parameter = name.partition(".")
                state[f"{theirs[layer]}.{parameter}"] = torch.full_like(tensor, network)
            torch.save(state, tmp_path / "state.pt")
            archive.write(tmp_path / "state.pt", f"BeatNet/models/model_{network}_weights.pt")
    return tmp_path / "beatnet.whl"


def test_features_are_those_of_madmom(wav):
    from madmom_infer.audio.signal import FramedSignalProcessor, Signal
    from madmom_infer.audio.spectrogram import (
        FilteredSpectrogramProcessor,
        LogarithmicSpectrogramProcessor,
        SpectrogramDifferenceProcessor,
    )
    from madmom_infer.audio.stft import ShortTimeFourierTransformProcessor
    from madmom_infer.processors import SequentialProcessor

    chain = SequentialProcessor(
        (
            FramedSignalProcessor(frame_size=1411, hop_size=FRAME_SAMPLES),
            ShortTimeFourierTransformProcessor(),
            FilteredSpectrogramProcessor(num_bands=24, fmin=30, fmax=17_000, norm_filters=True),
            LogarithmicSpectrogramProcessor(mul=1, add=1),
            SpectrogramDifferenceProcessor(
                diff_ratio=0.5, positive_diffs=True, stack_diffs=np.hstack
            ),
        )
    )
    expected = np.asarray(chain(Signal(wav, sample_rate=22_050, num_channels=1))).T
    np.testing.assert_allclose(beat_features(wav), expected, atol=1e-6)


@pytest.mark.parametrize("block", [1, 100, 441, 5_000])
def test_features_of_a_stream_are_those_of_the_whole(wav, block):
    wav = wav[: 20 * block + 3_000]
    stream = FeatureStream()
    streamed = np.concatenate(
        [stream.push(wav[at : at + block]) for at in range(0, len(wav), block)], axis=1
    )
    whole = beat_features(wav)
    assert streamed.shape[1] == (len(wav) - DELAY_SAMPLES) // FRAME_SAMPLES + 1
    np.testing.assert_allclose(streamed, whole[:, : streamed.shape[1]], atol=1e-6)


def test_features_hear_no_further_than_half_a_window(wav):
    frame = 20
    cut = frame * FRAME_SAMPLES + DELAY_SAMPLES
    changed = np.concatenate([wav[:cut], -wav[cut:]])
    before, after = beat_features(wav), beat_features(changed)
    assert np.array_equal(before[:, : frame + 1], after[:, : frame + 1])
    assert not np.array_equal(before[:, frame + 1], after[:, frame + 1])


def test_first_frame_has_no_rise_and_silence_no_features(wav):
    assert not beat_features(wav)[BANDS:, 0].any()
    assert not beat_features(np.zeros(5_000, np.float32)).any()


def test_network_carries_its_state(net, wav):
    features = torch.from_numpy(beat_features(wav))[None]
    whole, _ = net(features)
    first, state = net(features[..., :17])
    second, _ = net(features[..., 17:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=-1), whole)
    torch.testing.assert_close(whole.sum(dim=1), torch.ones(1, features.shape[-1]))
    assert whole.shape == (1, 3, features.shape[-1])


def test_network_is_causal(net):
    features = torch.zeros(1, FEATURES, 30)
    changed = features.clone()
    changed[..., 20:] = 1.0
    before, after = net(features)[0], net(changed)[0]
    torch.testing.assert_close(before[..., :20], after[..., :20], rtol=0, atol=1e-7)
    assert not torch.equal(before[..., 20], after[..., 20])


def test_batch_rows_do_not_touch(net):
    features = torch.arange(2 * FEATURES * 5).reshape(2, FEATURES, 5) / 1000
    both, _ = net(features)
    torch.testing.assert_close(both[1:], net(features[1:])[0])


def test_wheel_is_converted_and_loaded(wheel, tmp_path):
    tensors = convert(wheel)
    assert len(tensors) == 3 * len(BeatNet().state_dict())
    save_checkpoint(tmp_path / "beatnet.safetensors", tensors, kind="beatnet", recipe={})
    net = load_beatnet(tmp_path / "beatnet.safetensors", 2)
    assert all(bool((value == 2).all()) for value in net.state_dict().values())
    assert not net.training
    assert not any(value.requires_grad for value in net.parameters())


def test_other_files_are_refused(tmp_path):
    (tmp_path / "no.whl").write_bytes(b"no zip")
    with zipfile.ZipFile(tmp_path / "empty.whl", "w") as archive:
        archive.writestr("BeatNet/__init__.py", "")
    for name in ("no.whl", "empty.whl", "absent.whl"):
        with pytest.raises(CheckpointError, match="not a wheel of BeatNet"):
            convert(tmp_path / name)
