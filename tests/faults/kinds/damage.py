"""Files that were truncated, had a bit flipped, were removed, or were replaced by another."""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from ...waiting import eventually
from ..cases import Case, References, Tally
from ..product import Product, kill_group
from ..state import require_same, stage_folders, stage_of

FOUND = "damaged file, found by verify"
REPAIRED = "damaged file, repaired"
BEFORE_USE = "damaged file, found before use"

KINDS = ("truncated", "flipped", "removed", "of another run", "of another epoch")

CONSUMER = {"embed": "graph", "graph": "mine", "mine": "train", "train": "evaluate"}
"""Stage → the next one that reads it."""

CLAIM = "inputs.json"
"""The file that says what an unfinished stage is made from."""

GROUPS = {
    "embed": ("claim", "receipts", "artifacts"),
    "graph": ("claim", "receipts", "artifacts"),
    "mine": ("claim", "receipts", "artifacts", "private"),
    "train": ("claim", "private"),
}
"""Stage → its kinds of files when interrupted. Train writes its artifacts and its receipt last, together."""


def artifacts(root: Path, *, manifests: bool = False) -> list[Path]:
    """The files of committed stages, relative to the run directory: all but manifests, or only those."""
    found = [path for folder in stage_folders(root) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.relative_to(root) for path in found if (path.name == "manifest.json") == manifests]


def damage(root: Path, name: Path, kind: str, *, other: Path, chance: random.Random) -> bool:
    """Damage one file; False if that cannot be done, as when another run's file has the same bytes."""
    path = root / name
    content = bytearray(path.read_bytes())
    match kind:
        case "truncated":
            path.write_bytes(content[: chance.randrange(len(content))])
        case "flipped":
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.write_bytes(content)
        case "removed":
            path.unlink()
        case _:
            donor = other / name if kind == "of another run" else _of_another_epoch(root, name)
            if not donor.exists() or donor.read_bytes() == bytes(content):
                return False
            shutil.copyfile(donor, path)
    return True


def _of_another_epoch(root: Path, name: Path) -> Path:
    if name.parts[0] != "epochs":
        return root / "nothing"
    return root.joinpath(
        "epochs", {"0001": "0002", "0002": "0001"}.get(name.parts[1], "none"), *name.parts[2:]
    )


def copy_of(finished: Product, folder: Path, references: References, variant: str) -> Product:
    """A copy of a finished run, to be damaged."""
    product = references.product(folder, variant)
    shutil.copytree(finished.root, product.root)
    return product


def verify_everything(folder: Path, references: References, *, kind: str, variant: str = "small") -> Tally:
    """Damage every artifact; `verify` must name each of them."""
    product, damaged = _damaged_everywhere(folder, references, kind, variant)
    code, said = product.ask("verify", str(product.root))
    missed = [name for name in damaged if f"{product.root / name} " not in said]
    assert code == 1
    assert not missed, f"{kind}: verify said nothing of {missed}"
    assert "Traceback" not in said
    return Tally(tried=len(damaged), survived=len(damaged))


def repair_everything(folder: Path, references: References, *, kind: str, variant: str = "small") -> Tally:
    """Damage every artifact; `verify --repair` must bring back every byte."""
    product, damaged = _damaged_everywhere(folder, references, kind, variant)
    code, said = product.ask("verify", str(product.root), "--repair")
    assert code == 0, said
    require_same(product.root, references.finished(variant).root)
    return Tally(tried=len(damaged), survived=len(damaged))


def _damaged_everywhere(
    folder: Path, references: References, kind: str, variant: str
) -> tuple[Product, list[Path]]:
    product = copy_of(references.finished(variant), folder, references, variant)
    chance = random.Random(0)
    other = references.finished("other seed").root if kind == "of another run" else product.root
    # Once a file has taken the other epoch's place, the reverse copy changes nothing, and is not counted.
    damaged = [
        name
        for name in artifacts(product.root)
        if damage(product.root, name, kind, other=other, chance=chance)
    ]
    assert damaged
    return product, damaged


def repair_one(folder: Path, references: References, *, seed: int) -> Tally:
    """One damaged file of a stage that reads nothing private: only its task is computed again."""
    product = copy_of(references.finished(), folder, references, "small")
    chance = random.Random(seed)
    names = [
        name
        for name in artifacts(product.root)
        if {"embed", "graph"} & set(name.parts) or "part-" in name.name
    ]
    name = chance.choice(names)
    kind = chance.choice(["truncated", "flipped", "removed"])
    damage(product.root, name, kind, other=product.root, chance=chance)
    code, said = product.ask("verify", str(product.root), "--repair")
    assert code == 0, said
    assert said.count("repaired ") == 1, said
    assert ": 1 of " in said, said
    require_same(product.root, references.finished().root)
    return Tally(tried=1, survived=1)


def verify_manifests(folder: Path, references: References, *, kind: str, variant: str = "small") -> Tally:
    """Damage the manifests one by one, and put each back; `verify` must name the stage."""
    finished = references.finished(variant)
    other = references.finished("other seed").root
    product = copy_of(finished, folder, references, variant)
    tally = Tally()
    chance = random.Random(1)
    for name in artifacts(finished.root, manifests=True):
        if not damage(product.root, name, kind, other=other, chance=chance):
            continue
        tally.tried += 1
        code, said = product.ask("verify", str(product.root))
        # No stage misses the manifests of the last ones: without them these are merely unfinished.
        if kind != "removed" or code == 1:
            assert code == 1, f"{kind} {name}: verify found nothing"
            assert str(product.root / name.parent) in said, f"{kind} {name}: verify said\n{said}"
        shutil.copyfile(finished.root / name, product.root / name)
        tally.survived += 1
    assert tally.tried
    return tally


def found_before_use(folder: Path, references: References, *, seed: int) -> Tally:
    """Damage one file, and redo the stage that reads it: the run ends with an error that names the file and the stage
    to redo, or does not need the file and ends as it should; then `--repair`, and the same command."""
    finished = references.finished()
    product = copy_of(finished, folder, references, "small")
    chance = random.Random(seed)
    names = [
        name for name in artifacts(product.root) if name.parts[0] == "epochs" and name.parts[2] in CONSUMER
    ]
    name = chance.choice(names)
    kind = chance.choice(["flipped", "truncated", "removed", "of another run"])
    other = references.finished("other seed").root
    if not damage(product.root, name, kind, other=other, chance=chance):
        damage(product.root, name, "flipped", other=other, chance=chance)
    epoch, stage = stage_of(product.root.joinpath(*name.parts[:3]))
    code, said = product.ask(
        "run", str(product.run_file), *product.options, "--from-stage", CONSUMER[stage], "--epoch", str(epoch)
    )
    assert "Traceback" not in said
    if code:
        assert str(product.root / name) in said, f"{kind} {name}: the error does not name it:\n{said}"
        assert f"--from-stage {stage}" in said, f"{kind} {name}: the error does not say what to redo:\n{said}"
    code, said = product.ask("verify", str(product.root), "--repair")
    assert code == 0, said
    product.finish()
    require_same(product.root, finished.root)
    return Tally(tried=1, survived=1)


def broken_off(
    folder: Path, references: References, *, stage: str, group: str, kinds: Sequence[str]
) -> Tally:
    """Damage all files of a group in a half-done, killed stage: they are computed again, or named and repaired."""
    killed = references.product(folder / "killed")
    files = _killed_with(killed, Path("epochs", "0001", stage), group)
    tally = Tally()
    for kind in kinds:
        product = copy_of(killed, folder / kind, references, "small")
        _continue_damaged(product, files, group, kind)
        require_same(product.root, references.finished().root)
        tally.tried += len(files)
        tally.survived += len(files)
    return tally


def _continue_damaged(product: Product, files: list[Path], group: str, kind: str) -> None:
    chance = random.Random(kind)
    for name in files:
        damage(product.root, name, kind, other=product.root, chance=chance)
    code, said = product.ask("verify", str(product.root))
    assert "Traceback" not in said
    # Private files are checked when the stage continues; what no receipt or claim names was never there.
    if group == "artifacts" or (group in ("receipts", "claim") and kind != "removed"):
        assert code == 1, said
        assert all(str(product.root / name) in said for name in files), said
    code, said = product.ask("run", str(product.run_file), *product.options)
    assert "Traceback" not in said
    if code:
        named = any(str(product.root / name) in said for name in files)
        assert named, f"{kind} {group}: the error names none of them:\n{said}"
        assert " was made with " not in said, f"{kind} {group}: damage is taken for a change:\n{said}"
        code, said = product.ask("verify", str(product.root), "--repair")
        assert code == 0, said
        product.finish()


def _killed_with(product: Product, stage: Path, group: str) -> list[Path]:
    """Kill the run while this stage is at work and has non-empty files of this group; returns those, relative to the
    run."""
    unfinished = product.root / stage
    for _ in range(5):
        process = product.start()
        try:
            eventually(
                lambda process=process: bool(_group(unfinished, group)) or process.poll() is not None, group
            )
        finally:
            kill_group(process)
        files = _group(unfinished, group)
        if files and not (unfinished / "manifest.json").exists():
            return [path.relative_to(product.root) for path in files]
        shutil.rmtree(product.root)  # it had ended before we looked: try again
    raise AssertionError(f"{unfinished.name} was never caught with {group}")


def _group(unfinished: Path, group: str) -> list[Path]:
    """The non-empty files of an unfinished stage: its claim, its receipts, its artifacts that have a receipt, or its
    private files."""
    match group:
        case "claim":
            found = [unfinished / CLAIM]
        case "receipts":
            found = sorted((unfinished / "receipts").glob("[!.]*.json"))
        case "private":
            found = sorted((unfinished / "progress").glob("[!.]*"))
        case _:
            names = {
                name for path in (unfinished / "receipts").glob("[!.]*.json") for name in _files_of(path)
            }
            found = [unfinished / name for name in sorted(names)]
    return [path for path in found if path.is_file() and path.stat().st_size]


def _files_of(receipt: Path) -> list[str]:
    """The files that a receipt names; none if the run has just removed it."""
    try:
        return list(json.loads(receipt.read_bytes())["files"])
    except FileNotFoundError:
        return []


def own_files(folder: Path, references: References, *, kind: str) -> Tally:
    """Damage rows.parquet and run.json, on which everything depends."""
    finished = references.finished()
    other = references.finished("other seed").root
    product = copy_of(finished, folder, references, "small")
    tally = Tally()
    for name in (Path("rows.parquet"), Path("run.json")):
        for _ in range(1 if kind in ("removed", "of another run") else 3):
            tally.tried += 1
            damage(product.root, name, kind, other=other, chance=random.Random(tally.tried))
            for command in (
                ("verify", str(product.root)),
                ("run", str(product.run_file), *product.options),
            ):
                code, said = product.ask(*command)
                assert "Traceback" not in said
                if kind != "removed":
                    assert code == 1, f"{kind} {name}: {command[0]} found nothing"
                    assert name.name in said or "changed" in said, said
            code, said = product.ask("verify", str(product.run_file), "--repair")
            if code:
                # An intact file of another run: the run file shows that it does not belong to this one.
                assert kind == "of another run", said
                shutil.copyfile(finished.root / name, product.root / name)
            require_same(product.root, finished.root)
            tally.survived += 1
    return tally


def cases() -> Iterator[Case]:
    """In the full form every file and every kind."""
    for kind in KINDS:
        variant = "three" if kind == "of another epoch" else "small"
        run = partial(verify_everything, kind=kind, variant=variant)
        yield Case(FOUND, f"every artifact {kind}", run, short=kind == "flipped")
        yield Case(FOUND, f"every manifest {kind}", partial(verify_manifests, kind=kind, variant=variant))
    for kind in KINDS[:4]:
        yield Case(FOUND, f"rows.parquet and run.json {kind}", partial(own_files, kind=kind))
    for kind in KINDS:
        variant = "three" if kind == "of another epoch" else "small"
        run = partial(repair_everything, kind=kind, variant=variant)
        yield Case(REPAIRED, f"every artifact {kind}", run, short=kind == "flipped")
    for seed in range(8):
        yield Case(REPAIRED, f"one file, seed {seed}", partial(repair_one, seed=seed))
    for stage, groups in GROUPS.items():
        for group in groups:
            run = partial(broken_off, stage=stage, group=group, kinds=KINDS[:3])
            yield Case(BEFORE_USE, f"{stage} broken off, its {group} damaged", run)
    run = partial(broken_off, stage="mine", group="private", kinds=KINDS[1:2])
    yield Case(BEFORE_USE, "mine broken off, short", run, short=True)
    for seed in range(24):
        yield Case(BEFORE_USE, f"seed {seed}", partial(found_before_use, seed=seed))
