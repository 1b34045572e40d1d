"""What auto chooses, and that it says why."""

import pytest
from tripletmine.mining.graphs.choose import choose_method


@pytest.mark.parametrize(
    ("rows", "width", "options", "method"),
    [
        (2_000, 64, {}, "exact"),
        (2_000, 64, {"reproducible": True}, "exact"),
        (2_000, 64, {"warm": True}, "exact"),
        (30_000, 64, {}, "exact"),
        (30_000, 64, {"warm": True}, "traverse_add"),
        (60_000, 64, {}, "hnsw"),
        (60_000, 512, {}, "hnsw"),
        (1_000_000, 64, {"reproducible": True}, "traverse_add"),
        (1_000_000, 64, {"warm": True}, "traverse_add"),
        (1_000_000, 64, {"memory_mib": 100_000}, "hnsw"),
        (1_000_000, 64, {"memory_mib": 1_300}, "exact"),
        (2_000, 64, {"cells": True}, "exact"),
        (60_000, 64, {"cells": True}, "cells"),
        (60_000, 512, {"cells": True}, "cells"),
        (1_000_000, 64, {"cells": True, "reproducible": True}, "cells"),
        (1_000_000, 64, {"cells": True, "memory_mib": 1_300}, "exact"),
        (60_000, 512, {"cells": True, "bfloat16": True}, "exact"),
        (150_000, 384, {"cells": True, "bfloat16": True, "queries": 80_000}, "exact"),
        (1_000_000, 64, {"cells": True, "bfloat16": True}, "cells"),
    ],
)
def test_methods_by_size_and_memory(rows: int, width: int, options: dict, method: str) -> None:
    choice = choose_method(rows, width, 100, 8, **{"memory_mib": None, **options})
    assert choice.method == method, choice.why
    assert f"{rows:,} × {width}, K = 100, 8 cores" in choice.why


def test_one_core_builds_hnsw_reproducibly() -> None:
    assert choose_method(10**6, 64, 100, 1, None, reproducible=True).method == "hnsw"


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_there_is_one_size_from_which_on_exact_search_is_slower(cells: bool, bfloat16: bool) -> None:
    options = {"cells": cells, "bfloat16": bfloat16}
    methods = [choose_method(10**3 * 2**i, 64, 100, 4, None, **options).method for i in range(12)]
    first = methods.index("cells" if cells else "hnsw")
    assert set(methods[:first]) == {"exact"}
    assert len(set(methods[first:])) == 1


def test_too_little_memory_names_the_figures() -> None:
    assert "hnsw would need" in choose_method(10**6, 64, 100, 8, 1_300).why
    assert "memory_mib is 1300" in choose_method(10**6, 64, 100, 8, 1_300).why
