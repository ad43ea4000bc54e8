"""What a chunk is conditioned on besides audio: instrument, prompt, beat."""
