"""Codecs between audio and latents, and the shards that hold latents."""
