"""Search in the cells of k-means nearest to a row."""
