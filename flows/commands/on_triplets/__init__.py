"""Commands on vectors and mined triplets; most of them also read a run."""
