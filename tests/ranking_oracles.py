"""Retrieval figures in plain Python: every query ranks its gallery by (distance, row), one row at a time."""

import math

import numpy as np

RECALLS = (1, 2, 4, 8)


def squared(a, b):
    return float(((np.asarray(a, np.float64) - b) ** 2).sum())


def slow_rankings(x, sets, groups, gallery, gallery_sets, gallery_groups, alone):
    """For each query: whether each gallery row that remains is an answer, nearest first."""
    rankings = []
    for q in range(len(x)):
        ranking = []
        distances = ((np.asarray(gallery, np.float64) - x[q]) ** 2).sum(axis=1).tolist()
        for g in sorted(range(len(gallery)), key=lambda g: (distances[g], g)):
            match = bool(sets[q] & gallery_sets[g])
            same_group = groups[q] >= 0 and groups[q] == gallery_groups[g]
            if not (alone and q == g) and not (match and same_group):
                ranking.append(match)
        rankings.append(ranking)
    return rankings


def slow_centroid_rankings(x, sets, groups, gallery, gallery_sets, gallery_groups, alone, normalise):
    """Like `slow_rankings`, over class centroids; of equally near centroids the wrong ones come first."""

    def scaled(vector):
        return vector / np.linalg.norm(vector) if normalise else vector

    rankings = []
    for q in range(len(x)):
        found = []
        for code in sorted(set().union(*gallery_sets)):
            right = code in sets[q]
            members = [
                gallery[g].astype(np.float64)
                for g in range(len(gallery))
                if code in gallery_sets[g]
                and not (right and alone and g == q)
                and not (right and groups[q] >= 0 and groups[q] == gallery_groups[g])
            ]
            if members:
                centroid = scaled(np.mean(members, axis=0))
                found.append((squared(scaled(x[q].astype(np.float64)), centroid), right))
        rankings.append([right for _, right in sorted(found)])
    return rankings


def slow_violations(x, sets, margin):
    """Share of pairs (a, p) with d²(a, n) < d²(a, p) + margin for some n, over all anchors that have negatives."""
    violated = pairs = 0
    for a in range(len(x)):
        negatives = [squared(x[a], x[n]) for n in range(len(x)) if not sets[a] & sets[n]]
        for p in range(len(x)):
            if p != a and sets[a] & sets[p] and negatives:
                pairs += 1
                violated += min(negatives) < squared(x[a], x[p]) + margin
    return violated / pairs if pairs else 0.0


def slow_figures(rankings, ranks=(1, 5, 10)):
    """Recall, CMC, R-precision, MAP@R, MRR, nDCG and mAP over the queries with an answer, and the number of these."""
    asked = [ranking for ranking in rankings if any(ranking)]
    figures = {}
    if asked:
        hits = [[i for i, right in enumerate(ranking) if right] for ranking in asked]
        at_r = [[i for i in places if i < len(places)] for places in hits]
        precisions = [[(n + 1) / (i + 1) for n, i in enumerate(places)] for places in hits]
        figures = {f"recall@{k}": np.mean([places[0] < k for places in hits]) for k in RECALLS}
        figures |= {f"cmc@{k}": np.mean([places[0] < k for places in hits]) for k in ranks}
        figures["r_precision"] = np.mean([len(a) / len(p) for a, p in zip(at_r, hits, strict=True)])
        figures["map_at_r"] = np.mean(
            [sum(p[: len(a)]) / len(p) for a, p in zip(at_r, precisions, strict=True)]
        )
        figures["mrr"] = np.mean([1 / (places[0] + 1) for places in hits])
        worth = [1 / math.log2(i + 2) for i in range(10)]
        figures["ndcg@10"] = np.mean(
            [sum(worth[i] for i in p if i < 10) / sum(worth[: len(p)]) for p in hits]
        )
        figures["map"] = np.mean([np.mean(p) for p in precisions])
    return figures, len(asked)
