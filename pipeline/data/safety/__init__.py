"""What a data set may ask of this machine: its memory, its files, its network."""
