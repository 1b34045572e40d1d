"""Files outside the folder of a data set are counted."""

from pathlib import Path

from tripletmine.pipeline.data.pictures.outside import outside


def test_ways_that_lead_outside(tmp_path: Path):
    folder = tmp_path / "data"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("data/x.png", "data/a/x.png", "elsewhere/x.png"):
        (tmp_path / name).write_bytes(b"")
    (folder / "link.png").symlink_to(tmp_path / "elsewhere" / "x.png")
    (folder / "inside.png").symlink_to(folder / "x.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    within = ["x.png", "a/x.png", "a/../x.png", "../data/x.png", "inside.png", str(folder / "x.png")]
    within += [f"file://{folder}/x.png", "https://host/../x.png", "s3://bucket/x.png"]
    assert outside(str(folder), within) == {}
    found = outside(
        str(folder),
        [
            *within,
            str(tmp_path / "elsewhere" / "x.png"),
            "/etc/hostname",
            f"file://{tmp_path}/elsewhere/x.png",
            "../elsewhere/x.png",
            "a/../../gone.png",
            "link.png",
            "linked/x.png",
        ],
    )
    assert found == {"by absolute paths": 3, 'by ".."': 2, "by links": 2}
    assert outside("s3://bucket/data", ["../x.png"]) == {}


def test_a_folder_that_is_a_link_itself(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.png").write_bytes(b"")
    (tmp_path / "data").symlink_to(tmp_path / "real")
    assert outside(str(tmp_path / "data"), ["x.png", str(tmp_path / "real" / "x.png")]) == {}
