"""Diffusion in latent space: noise, denoiser, networks, samplers, training."""
