"""Publishing files so that a crash never leaves a half one under its final name."""
