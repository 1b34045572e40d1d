"""An encoder handed out: its weights, what is needed to load it, a card, an ONNX graph."""
