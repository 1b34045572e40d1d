"""The metrics of the evaluate stage, and the search that they need."""
