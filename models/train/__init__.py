"""Training of an encoder, step by step."""
