"""Hard negatives for pairs of texts, like ``mine_hard_negatives`` of sentence-transformers."""
