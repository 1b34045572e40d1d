"""Replacement for ``mine_hard_negatives`` of ``sentence_transformers.util``."""

# Absolute, unlike elsewhere, because the file is installed under another package than its folder.
from tripletmine.pipeline.standalone.hard_negatives.mine import mine_hard_negatives

__all__ = ["mine_hard_negatives"]
