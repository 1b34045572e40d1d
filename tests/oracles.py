"""Slow and obvious versions of the algorithms, to compare the fast ones with."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable


def exact_neighbours(vectors, neighbours):
    """Every distance by float32 differences, sorted by (distance, id), the row itself removed, padded."""
    rows = len(vectors)
    ids = np.full((rows, neighbours), NO_ROW, np.int64)
    sq = np.full((rows, neighbours), np.inf, np.float32)
    for i in range(rows):
        difference = vectors - vectors[i]
        distances = np.einsum("ij,ij->i", difference, difference)
        order = [j for j in np.lexsort((np.arange(rows), distances)) if j != i][:neighbours]
        ids[i, : len(order)] = order
        sq[i, : len(order)] = distances[order]
    return NeighbourTable(ids, sq)


@dataclass
class OracleMined:
    """What the miner should find.

    triplets: (anchor, positive, negative, positive_rank, negative_rank). confusion: pair → [count, hinge].
    """

    triplets: list = field(default_factory=list)
    confusion: dict = field(default_factory=lambda: defaultdict(lambda: [0, 0.0]))
    counts: dict = field(default_factory=lambda: defaultdict(int))


def first_shared(label_sets, a, b):
    """The smallest class that both rows have, or None."""
    return min(label_sets[a] & label_sets[b], default=None)


def mine_by_loops(
    table, label_sets, rule, *, anchors, vectors=None, excluded=(), never=(), corpus=None, groups=None
):
    """The rule of smart mining, one condition at a time over every (anchor, positive, negative).

    label_sets: a set of integer classes for each row. excluded: row ids. never: pairs of ids
    that are no negatives, in either order. corpus: the rows that may be positives, by default all. groups: the group
    of each row, −1 for none. Follows the wording of ``MiningRule`` and ``Guards``, and shares no code with the miner.
    """
    mined = OracleMined()
    for row, anchor in enumerate(anchors):
        if anchor in excluded:
            mined.counts["anchors_excluded"] += 1
            continue
        near = [
            (float(sq), int(n), rank)
            for rank, (n, sq) in enumerate(zip(table.ids[row], table.sq_distances[row], strict=True))
            if n != NO_ROW
        ]
        mined.counts["entries"] += len(near)
        near = [entry for entry in near if entry[1] not in excluded]
        fellows = {
            r for r in range(len(label_sets)) if groups is not None and -1 < groups[r] == groups[anchor]
        }
        apart = fellows - {anchor} if rule.guards.same_group == "never-pair" else set()
        positives = [entry for entry in near if first_shared(label_sets, anchor, entry[1]) is not None]
        negatives = [entry for entry in near if first_shared(label_sets, anchor, entry[1]) is None]
        of_group = {p for _, p, _ in positives if p in apart}
        positives = [entry for entry in positives if entry[1] not in apart]
        mined.counts["anchors_without_neighbour_positive"] += not positives
        if rule.positives == "class":
            assert vectors is not None
            known = {p for _, p, _ in positives} | {anchor} | set(excluded)
            for p in set(range(len(label_sets)) if corpus is None else corpus) - known:
                if first_shared(label_sets, anchor, p) is not None and p in apart:
                    of_group.add(p)
                elif first_shared(label_sets, anchor, p) is not None:
                    difference = vectors[anchor] - vectors[p]
                    positives.append((float(np.dot(difference, difference)), p, -1))
            positives.sort()
        mined.counts["positives_of_group"] += len(of_group)
        mined.counts["anchors_without_positive"] += not positives
        if positives:
            copies = copies_of(negatives, positives, rule.guards.duplicate_sq, vectors)
            pairs = {n for _, n, _ in negatives if (anchor, n) in never or (n, anchor) in never}
            barred = {"never_negative": pairs, "same_group": fellows if rule.guards.same_group else set()}
            _mine_anchor(mined, anchor, positives, negatives, label_sets, rule, copies, barred)
    return mined


def copies_of(negatives, positives, duplicate_sq, vectors):
    """Ids of the negatives whose vectors are as good as equal to that of some positive."""
    if duplicate_sq is None:
        return set()
    return {n for _, n, _ in negatives for _, p, _ in positives if sq_between(vectors, p, n) <= duplicate_sq}


def sq_between(vectors, p, n):
    """Squared distance between two rows."""
    return float(((vectors[p] - vectors[n]) ** 2).sum())


def _mine_anchor(mined, anchor, positives, negatives, label_sets, rule, copies, barred):
    k_sq = rule.k_hardness * rule.k_hardness
    mined.counts["positives"] += len(positives)
    mined.counts["positives_with_empty_interval"] += sum(
        k_sq * sq_p >= sq_p + rule.margin for sq_p, _, _ in positives
    )
    usable = {}
    for n in negatives:
        verdicts = {p: refusal(p, n, positives, rule, copies, barred) for p in positives}
        usable[n] = [p for p in positives if verdicts[p] is None]
        if usable[n]:
            sq_p, p, _ = usable[n][-1]
            for shared in label_sets[anchor] & label_sets[p]:
                for other in label_sets[n[1]]:
                    mined.confusion[shared, other][0] += 1
                    mined.confusion[shared, other][1] += sq_p + rule.margin - n[0]
            mined.counts["admissible"] += 1
        for guard in set(verdicts.values()) - {None, "rule"} if not usable[n] else ():
            mined.counts[guard] += 1
    mined.counts["anchors_without_admissible_negative"] += not any(usable.values())
    taken = set()
    turns = reversed(positives)
    if rule.order == "random":
        turns = sorted(positives, key=lambda p: lot(rule.order_seed, anchor, p[1]))
        usable = dict(sorted(usable.items(), key=lambda entry: lot(rule.order_seed, anchor, entry[0][1])))
    for p in turns:
        free = [n for n, partners in usable.items() if p in partners and n not in taken]
        for n in free[: rule.negatives_per_positive]:
            if len(taken) < rule.triplets_per_anchor:
                taken.add(n)
                mined.triplets.append((anchor, p[1], n[1], p[2], n[2]))


def lot(seed, anchor, row):
    """The `row`-th number of SplitMix64, seeded with seed and anchor, in Python's unbounded integers."""

    def mixed(value):
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            value = (value ^ (value >> shift)) * factor % 2**64
        return value ^ (value >> 31)

    step = 0x9E3779B97F4A7C15
    state = mixed((mixed((seed + step) % 2**64) + anchor) % 2**64)
    return mixed((state + (row + 1) * step) % 2**64)


def refusal(positive, negative, positives, rule, copies, barred):
    """Why (a, p, n) is no triplet: "rule", the first guard against it, or None when it is one.

    positive, negative and positives are (squared distance, id, rank). copies: see `copies_of`. barred: for each guard,
    the ids that may not be negatives of the anchor.
    """
    (sq_p, _, _), (sq_n, n, rank) = positive, negative
    guards = rule.guards
    outside = rule.k_hardness * rule.k_hardness * sq_p < sq_n
    nearer = min(positives)[0] < sq_n or not rule.nearer_positive
    sq_known = [sq for sq, _, _ in positives]
    score_p, score_n = 1 - sq_p / 2, 1 - sq_n / 2
    conditions = {
        "rule": outside and sq_n < sq_p + rule.margin and nearer,
        "never_negative": n not in barred["never_negative"],
        "same_group": n not in barred["same_group"],
        "duplicate": guards.duplicate_sq is None or (sq_n > guards.duplicate_sq and n not in copies),
        "distance": (guards.minimum_sq is None or sq_n >= guards.minimum_sq)
        and (guards.maximum_sq is None or sq_n <= guards.maximum_sq),
        "rank_window": guards.rank_window is None or rank in range(*guards.rank_window),
        "percentile": guards.positive_percentile is None
        or sq_n > np.percentile(sq_known, guards.positive_percentile),
        "score_margin": (guards.minimum_margin_sq is None or sq_n >= sq_p + guards.minimum_margin_sq)
        and (guards.relative_margin is None or score_n <= score_p - abs(score_p) * guards.relative_margin),
    }
    return next((name for name, holds in conditions.items() if not holds), None)
