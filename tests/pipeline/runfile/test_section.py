from tripletmine.pipeline.runfile.section import Section, added, execution


class Older(Section):
    rate: float = 0.1
    workers: int = execution(0)


class Newer(Older):
    order: str = added("random", as_before="farthest")
    limits: tuple[int, ...] | None = added(None, as_before=None)


def test_execution_keys_do_not_count() -> None:
    assert Older(workers=3).result_keys() == {"rate": 0.1}


def test_a_new_key_counts_only_where_results_are_others_than_before() -> None:
    assert Newer(order="farthest").result_keys() == Older().result_keys()
    assert Newer().result_keys() == {"rate": 0.1, "order": "random"}
    assert Newer(order="farthest", limits=(1, 2)).result_keys() == {"rate": 0.1, "limits": [1, 2]}
