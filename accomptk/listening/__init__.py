"""Training of the model that judges coherence."""
