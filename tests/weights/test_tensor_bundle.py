"""TensorFlow checkpoints: what was written is read, and what is damaged is refused."""

import numpy as np
import pytest

from accomptk.errors import CheckpointError
from accomptk.weights.tensor_bundle import FOOTER_BYTES, MAGIC, read_bundle
from tiny_musicnn import write_bundle

VALUES = {
    "conv2d/bias": np.arange(3, dtype=np.float32),
    "conv2d/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 1, 4),
    "conv2d_1/bias": np.full(300, -1.5, np.float32),
    "step": np.float32(7).reshape(()),
}


def test_reads_names_shapes_and_values() -> None:
    read = read_bundle(*write_bundle(VALUES))

    assert list(read) == sorted(VALUES)
    for name, values in VALUES.items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == np.float32


def test_reads_no_variables() -> None:
    assert read_bundle(*write_bundle({})) == {}


def test_refuses_another_file() -> None:
    with pytest.raises(CheckpointError, match="no table magic"):
        read_bundle(b"not a table" * 10, b"")


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_refuses_missing_values(cut: int) -> None:
    index, data = write_bundle(VALUES)

    with pytest.raises(CheckpointError, match="damaged"):
        read_bundle(index, data[:-cut])


def test_refuses_an_index_of_which_only_the_end_is_left() -> None:
    index, data = write_bundle(VALUES)

    with pytest.raises(CheckpointError, match="damaged"):
        read_bundle(index[-FOOTER_BYTES:], data)


def test_refuses_a_compressed_block() -> None:
    index, data = write_bundle(VALUES)
    kind = index.index((1).to_bytes(4, "little") + bytes(5)) + 4
    squeezed = index[:kind] + b"\x01" + index[kind + 1 :]

    with pytest.raises(CheckpointError, match="compressed"):
        read_bundle(squeezed, data)
    assert squeezed.endswith(MAGIC)


def test_refuses_another_type() -> None:
    index, data = write_bundle({"bias": np.zeros(2, np.float32)})
    double = index.replace(b"\x08\x01\x12", b"\x08\x02\x12")

    assert double != index
    with pytest.raises(CheckpointError, match="type 2"):
        read_bundle(double, data)
