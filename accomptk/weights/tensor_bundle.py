"""Reader of TensorFlow checkpoints (tensor bundles), without TensorFlow.

A bundle is two files: ``.index``, a sorted string table (the LevelDB format) from variable
name to a protocol buffer with type, shape, offset and size; and ``.data``, the raw values.
Only what published music taggers use is read: one data file, float32, blocks not compressed.
"""

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import CheckpointError

MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER_BYTES = 48
DT_FLOAT = 1
WIRE_VARINT, WIRE_BYTES, WIRE_FIXED32 = 0, 2, 5
# Fields of BundleEntryProto.
DTYPE, SHAPE, OFFSET, SIZE = 1, 2, 4, 5


def read_bundle(index: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """Variables of a checkpoint.

    Args:
        index: Content of the ``.index`` file.
        data: Content of the ``.data-00000-of-00001`` file.

    Returns:
        Float32 values by variable name, in the order of the names.

    Raises:
        CheckpointError: If the files are damaged or use more of the format than is read here.
    """
    if len(index) < FOOTER_BYTES or not index.endswith(MAGIC):
        raise CheckpointError("TensorFlow index: no table magic at its end; download it again")
    footer = index[-FOOTER_BYTES:]
    _, place = _handle(footer, 0)  # meta blocks: none
    root, _ = _handle(footer, place)
    try:
        entries = [
            entry
            for _, block in _block(index, *root)
            for entry in _block(index, *_handle(block, 0)[0])
        ]
        return {name.decode(): _values(entry, data) for name, entry in entries if name}
    except (IndexError, ValueError, KeyError) as error:
        raise CheckpointError(f"TensorFlow index: damaged ({error}); download it again") from error


def _values(entry: bytes, data: bytes) -> NDArray[np.float32]:
    fields = dict(_fields(entry))
    if fields[DTYPE] != DT_FLOAT:
        raise ValueError(f"type {fields[DTYPE]!r} where float32 is read")
    dims = _fields(_bytes(fields.get(SHAPE, b"")))
    shape = [int(dict(_fields(_bytes(dim))).get(1, 0)) for _, dim in dims]
    if fields.get(SIZE, 0) != 4 * prod(shape):
        raise ValueError(f"{fields[SIZE]!r} bytes for the shape {shape}")
    start = int(fields.get(OFFSET, 0))
    return np.frombuffer(data, "<f4", prod(shape), start).reshape(shape).astype(np.float32)


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value pairs of one block; each key says how much it shares with the one before."""
    if table[offset + size] != 0:
        raise ValueError("a compressed block")
    block = table[offset : offset + size]
    restarts = int.from_bytes(block[-4:], "little")
    place, end, key = 0, size - 4 - 4 * restarts, b""
    while place < end:
        shared, place = _varint(block, place)
        fresh, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + fresh]
        place += fresh
        yield key, block[place : place + length]
        place += length


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and the place after them."""
    offset, place = _varint(data, place)
    size, place = _varint(data, place)
    return (offset, size), place


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protocol buffer message."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        wire, value = tag & 7, 0
        if wire == WIRE_VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, value
            continue
        if wire not in (WIRE_BYTES, WIRE_FIXED32):
            raise ValueError(f"wire type {wire}")
        length, place = _varint(message, place) if wire == WIRE_BYTES else (4, place)
        yield tag >> 3, message[place : place + length]
        place += length


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message is read")  # noqa: TRY004
    return value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place
