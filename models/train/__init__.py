"""An encoder's weights, changed step by step."""
