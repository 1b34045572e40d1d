"""Mine the triplets that still teach, over the whole training set, every epoch."""
