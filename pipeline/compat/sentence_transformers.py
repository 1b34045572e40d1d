"""In place of ``sentence_transformers.util``: ``mine_hard_negatives``."""

# In full, unlike elsewhere: the file lies in another folder than its package says.
from tripletmine.pipeline.standalone.hard_negatives.mine import mine_hard_negatives

__all__ = ["mine_hard_negatives"]
