"""Queries, a corpus and relevant pairs in files: mined into a folder, and the folder read again."""
