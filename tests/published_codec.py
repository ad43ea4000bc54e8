"""A stand-in for the package music2latent: its interface and shapes, around a random code."""

from pathlib import Path
from types import ModuleType

import torch

FRAME, SPILL, CHANNELS = 4096, 1536, 64


class EncoderDecoder:
    """Hears a stretch as a whole, and decodes with noise from the global generator."""

    def __init__(self, load_path_inference=None, device=None):
        assert Path(load_path_inference).is_file(), "would be downloaded"
        self.device = device
        noise = torch.randn(FRAME + SPILL, CHANNELS, generator=torch.Generator().manual_seed(0))
        self.code = torch.linalg.qr(noise).Q

    def encode(self, wav, max_waveform_length=None, max_batch_size=None, extract_features=False):
        assert wav.ndim == 2
        frames = wav.unfold(-1, FRAME + SPILL, FRAME)
        return ((frames + 0.1 * wav.std(-1)[:, None, None]) @ self.code).transpose(1, 2)

    def decode(self, latent, denoising_steps=1, max_waveform_length=None, max_batch_size=None):
        frames = latent.transpose(1, 2) @ self.code.T
        wav = torch.zeros(len(latent), latent.shape[2] * FRAME + SPILL)
        for index in range(latent.shape[2]):
            wav[:, index * FRAME :][:, : FRAME + SPILL] += frames[:, index]
        return (wav * (1 + 0.1 * torch.randn(wav.shape))).clamp(-1, 1)


def stand_in(folder: Path) -> ModuleType:
    """The package as it is when installed, weights and all."""
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "music2latent.pt").write_bytes(b"weights")
    module = ModuleType("music2latent")
    module.__file__ = str(folder / "__init__.py")
    module.EncoderDecoder = EncoderDecoder
    return module
