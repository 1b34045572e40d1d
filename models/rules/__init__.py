"""Which triplets of a batch are trained."""
