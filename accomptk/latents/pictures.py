"""Spectrograms of stems, as they were and as codecs give them back."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.latents.contenders import Contender, Samples
from accomptk.latents.spectrum import SAMPLE_RATE
from accomptk.run import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from accomptk.latents.quality import Signal

STEMS = 6
SECONDS = 6.0
PANEL_INCHES = (2.6, 1.5)
DOTS_PER_INCH = 100
COLOURS = 20  # 4 dB each; few keep the file small
FFT_SAMPLES, STEP_SAMPLES, BANDS = 3072, 1024, 96
LOWEST_DB, HIGHEST_DB = -75.0, 5.0
TICKS_HZ = (200, 1000, 4000, 8000, 16000)


def draw(folder: Path, some: Sequence[Contender], signals: Sequence["Signal"]) -> Path:
    """Write ``spectrograms.png``: a row a stem, the original beside what the codec makes of it.

    Args:
        folder: Where to write.
        some: What `contenders` gives; beside the codec, those of its rate are shown.
        signals: Mixes are passed over; each instrument is shown once while there are others.

    Returns:
        The picture.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rate = some[0].numbers_per_s
    shown = [some[0], *(each for each in some[1:] if each.numbers_per_s == rate)]
    stems = _choose(signals)
    width, height = PANEL_INCHES
    with mpl.rc_context({"font.size": 7}):
        figure = Figure((width * (1 + len(shown)), height * len(stems)), layout="constrained")
        grid: Any = figure.subplots(len(stems), 1 + len(shown), squeeze=False, sharey=True)
        for row, signal in zip(grid, stems, strict=True):
            wav = signal.wav[: round(SECONDS * SAMPLE_RATE)]
            _panel(row[0], wav, f"{signal.instrument}: original")
            for axes, contender in zip(row[1:], shown, strict=True):
                _panel(axes, contender.play(wav), f"{signal.instrument}: {contender.name}")
        path = folder / "spectrograms.png"
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=DOTS_PER_INCH)
    return path


def _choose(signals: Sequence["Signal"]) -> list["Signal"]:
    """Six stems, one of each instrument before a second of any."""
    stems = [signal for signal in signals if signal.instrument != "mix"]
    first = {signal.instrument: signal for signal in reversed(stems)}
    others = [signal for signal in stems if signal is not first[signal.instrument]]
    firsts = [signal for signal in stems if signal is first[signal.instrument]]
    return [*firsts, *others][:STEMS]


def _panel(axes: "Axes", wav: Samples, title: str) -> None:
    """A spectrogram over time and mel bands."""
    from matplotlib import colormaps

    level_db, centre_hz = levels(wav)
    extent = (0.0, len(wav) / SAMPLE_RATE, 0.0, float(BANDS))
    axes.imshow(
        level_db,
        origin="lower",
        aspect="auto",
        extent=extent,
        vmin=LOWEST_DB,
        vmax=HIGHEST_DB,
        cmap=colormaps["magma"].resampled(COLOURS),
        interpolation="nearest",
    )
    axes.set_yticks(np.interp(TICKS_HZ, centre_hz, np.arange(BANDS)), [f"{f}" for f in TICKS_HZ])
    axes.set_title(title, fontsize=7, pad=2)
    axes.tick_params(length=2, pad=1)


def levels(wav: Samples) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Level of mel bands in dB of a full-scale sine, [BANDS, T], and their centres in Hz."""
    from torchaudio.functional import melscale_fbanks

    window = torch.hann_window(FFT_SAMPLES)
    spectrum = torch.stft(
        torch.from_numpy(wav),
        FFT_SAMPLES,
        STEP_SAMPLES,
        window=window * (2 / window.sum()),
        return_complex=True,
    )
    bins = FFT_SAMPLES // 2 + 1
    bank = melscale_fbanks(bins, 60.0, 20_000.0, BANDS, SAMPLE_RATE)
    power = (spectrum.abs().square().T @ bank / bank.sum(0).clamp_min(1.0)).clamp_min(1e-12)
    bin_hz = torch.arange(bins) * SAMPLE_RATE / FFT_SAMPLES
    centre_hz = (bin_hz @ bank) / bank.sum(0).clamp_min(1e-6)
    return 10 * power.log10().T.numpy(), centre_hz.double().numpy()
