import torch

from accomptk.diffusion.denoiser import Denoiser


class One(torch.nn.Module):
    """Any network: F = 1 everywhere, and what it was given is kept."""

    def forward(self, x, c_noise):
        self.seen = x, c_noise
        return torch.ones_like(x)


def test_student_returns_its_input_at_the_floor():
    x = torch.randn(3, 2, 7, generator=torch.Generator().manual_seed(0))
    student = Denoiser(One(), 0.5, sigma_floor=0.02)
    assert torch.allclose(student(x, torch.full((3,), 0.02)), x, atol=1e-7)
    assert not torch.allclose(student(x, torch.full((3,), 0.5)), x, atol=1e-2)


def test_teacher_returns_its_input_without_noise():
    x = torch.randn(1, 2, 7, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(Denoiser(One(), 0.5)(x, torch.full((1,), 1e-6)), x, atol=1e-5)


def test_teacher_ignores_pure_noise():
    x = 1e4 * torch.randn(1, 2, 7, generator=torch.Generator().manual_seed(0))
    denoised = Denoiser(One(), 0.5)(x, torch.full((1,), 1e4))
    assert torch.allclose(denoised, torch.full_like(x, 0.5), atol=1e-3)


def test_level_may_differ_by_frame():
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    sigma = torch.tensor([[0.1, 0.1, 2.0, 2.0], [0.3, 0.3, 0.3, 0.3]])
    by_frame = Denoiser(One(), 0.5)(x, sigma)
    assert torch.allclose(by_frame[1:], Denoiser(One(), 0.5)(x[1:], torch.tensor([0.3])))
    assert torch.allclose(by_frame[:1, :, 2:], Denoiser(One(), 0.5)(x[:1, :, 2:], sigma[:1, 2:]))


def test_network_sees_unit_variance():
    net = One()
    generator = torch.Generator().manual_seed(0)
    for sigma in (0.01, 1.0, 50.0):
        x = 0.5 * torch.randn(1, 1, 50000, generator=generator)
        x = x + sigma * torch.randn(1, 1, 50000, generator=generator)
        Denoiser(net, 0.5)(x, torch.tensor([sigma]))
        assert abs(net.seen[0].std().item() - 1) < 0.02
