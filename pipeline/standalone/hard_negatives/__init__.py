"""Negatives for pairs of texts, as ``mine_hard_negatives`` of sentence-transformers gives them."""
