"""Data for the guards: groups of rows, and pairs that must not become negatives."""
