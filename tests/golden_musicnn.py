"""Makes golden_musicnn.json: what the authors' own code says of `signal`, in TensorFlow.

Run it in an environment of its own, with the authors' wheel unpacked in WHEEL_FOLDER:
    pip install tensorflow-cpu==2.15.1 librosa==0.11.0
    python tests/golden_musicnn.py WHEEL_FOLDER
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

RATE = 16_000
SECONDS = 5
STARTS = (0, 62, 125)  # frames
FRAMES = 187


def signal() -> np.ndarray:
    """A chirp over a gated square wave with decaying bursts of a fast chirp, [N] float32."""
    time_s = np.arange(SECONDS * RATE) / RATE
    beat_s = time_s % 0.5
    chirp = 0.3 * np.sin(2 * np.pi * (100 * time_s + 300 * time_s**2))
    square = 0.2 * np.sign(np.sin(2 * np.pi * 220 * time_s + 0.1)) * (beat_s < 0.25)
    bursts = 0.3 * np.sin(2 * np.pi * 40_000 * beat_s**2) * np.exp(-20 * beat_s)
    return (chirp + square + bursts).astype(np.float32)


def main(wheel: Path) -> None:
    """Write the embeddings and tags of three patches by both networks."""
    import librosa

    mel = librosa.feature.melspectrogram(
        y=signal(), sr=RATE, n_fft=512, hop_length=256, n_mels=96, pad_mode="reflect"
    )
    log_mel = np.log10(10_000 * mel + 1).T
    patches = np.stack([log_mel[start : start + FRAMES] for start in STARTS])
    golden = {"log_mel": {str(frame): rounded(log_mel[frame]) for frame in (0, 100, 312)}}
    for variant in ("msd", "mtt"):
        embedding, tags = run(wheel, f"{variant.upper()}_musicnn", patches)
        golden[variant] = {"embedding": rounded(embedding), "tags": rounded(tags)}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def run(wheel: Path, model: str, patches: np.ndarray) -> list[np.ndarray]:
    """Penultimate layer and tag probabilities of the published graph."""
    sys.path.insert(0, str(wheel))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    from musicnn import models

    v1 = tf.compat.v1
    v1.disable_eager_execution()
    v1.reset_default_graph()
    with tf.name_scope("model"):
        x = v1.placeholder(tf.float32, [None, FRAMES, 96])
        is_training = v1.placeholder(tf.bool)
        logits, *_, penultimate = models.define_model(x, is_training, model, 50)
        tags = tf.nn.sigmoid(logits)
    with v1.Session() as session:
        v1.train.Saver().restore(session, f"{wheel}/musicnn/{model}/")
        return session.run([penultimate, tags], {x: patches, is_training: False})


def rounded(values: np.ndarray) -> list:
    """Nested lists with five decimals."""
    return np.round(values.astype(np.float64), 5).tolist()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
