"""The report: one self-contained HTML page about what was mined and learned."""
