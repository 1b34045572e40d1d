"""Read, check and store the pairs and values of a run."""

from dataclasses import dataclass
from pathlib import Path

from ...artifacts.ranking import keep_ranking, ranking_digest
from ...data.files import locate
from ...data.ranking.items import check_ranking
from ...data.ranking.read import read_ranking
from ...data.rows import RunRows
from ...runfile.run_spec import RunSpec


@dataclass(frozen=True, slots=True)
class RunRanking:
    """digest: of pairs and values; None for a run that ranks nothing. pairs, remarks: as of `RankingCounts`."""

    digest: str | None = None
    pairs: tuple[int, int, int] = (0, 0, 0)
    remarks: tuple[str, ...] = ()


def ranking_of_run(spec: RunSpec, rows: RunRows, *, write: bool) -> RunRanking:
    """Read and check the pairs and values in the files of the run file. write: store them with the run.

    Raises: DataError.
    """
    if spec.data.pairs is None:
        return RunRanking()
    base = Path(spec.base)
    source = locate(spec.data.pairs, base)
    values = None if spec.data.values is None else locate(spec.data.values, base)
    ranking = read_ranking(source, values)
    counts = check_ranking(rows, ranking, source=source)
    digest = keep_ranking(spec.root, ranking.table) if write else ranking_digest(ranking.table)
    return RunRanking(digest, counts.pairs, counts.remarks)
