"""Search in the k-means cells nearest to each query."""
