"""Mine files of queries, a corpus and relevant pairs into a folder, and read the folder."""
