"""The benchmarks are scripts beside each other, which import one another by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
