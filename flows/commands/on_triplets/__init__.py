"""Commands on vectors and mined triplets; most of them read a run, too."""
