"""Files on disk: atomic publishing, receipts, manifests, digests, arrays and tables."""
