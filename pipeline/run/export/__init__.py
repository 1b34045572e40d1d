"""Export of an encoder: its weights, what is needed to load it, a model card, an ONNX graph."""
