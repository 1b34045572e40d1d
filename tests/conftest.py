"""Shared by all tests: the folder itself is importable, so that `from oracles import …` works."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
