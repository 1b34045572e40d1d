from pathlib import Path

from tripletmine.pipeline.storage.journal import note_event, read_events


def test_events_come_back_in_order(tmp_path: Path) -> None:
    assert list(read_events(tmp_path)) == []
    note_event(tmp_path, "task", stage="mine", epoch=1)
    note_event(tmp_path, "committed", stage="mine", epoch=1, seconds=2.5)

    first, second = read_events(tmp_path)
    assert (first["event"], first["stage"], second["event"], second["seconds"]) == (
        "task",
        "mine",
        "committed",
        2.5,
    )
    assert first["time"] <= second["time"]


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path) -> None:
    note_event(tmp_path, "one")
    note_event(tmp_path, "two")
    journal = tmp_path / "journal.jsonl"
    journal.write_text(journal.read_text()[:-9])
    note_event(tmp_path, "three")

    assert [event["event"] for event in read_events(tmp_path)] == ["one", "three"]


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b'\xff\xfe\n17\n[]\n{"time": 1}\n\n{"event": "whole"}\n')
    assert [event["event"] for event in read_events(tmp_path)] == ["whole"]
