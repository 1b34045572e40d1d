"""Filter mined triplets by the scores of a teacher model."""
