"""The mining rule, compiled: from a block of anchors to its triplets and counts.

Everything here is serial and releases the GIL. ``miner`` runs blocks in parallel; no block depends on another, so the
result is the same at any number of threads. The whole rule is in this file because numba's disk cache does not notice
changes in functions of other files.

Squared distances are float32. Thresholds are computed from them in float64, and every comparison of the rule is strict,
so that a reference implementation that does the same agrees exactly, ties included.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from .compute.distances import sq_distance

# Positions in the array of counts.
EXCLUDED, NO_NEIGHBOUR_POSITIVE, NO_POSITIVE, NO_NEGATIVE = range(4)
ENTRIES, POSITIVES, EMPTY_INTERVAL, ADMISSIBLE = range(4, 8)
POSITIVES_OF_GROUP = 8
REFUSED = 9  # the first of eight, in the order of guards.REFUSALS; the last is not counted here
COUNTS = 17

ROUNDING = 1e-5
"""Relative difference that rounding can cause between two equal float32 distances."""

# Kinds of bad input.
BAD_ID, OWN_NEIGHBOUR, BAD_DISTANCE, NOT_ASCENDING, AFTER_PAD, BAD_VECTOR = range(1, 7)


class Limits(NamedTuple):
    """The mining rule in the kernel's form; a guard that is off has a value that refuses nothing.

    never_pair: rows of the anchor's group are not its positives, either. nearest_sq, farthest_sq: bounds of d²(a,n).
    confusion: list the admissible pairs by class.
    """

    k_sq: float
    margin: float
    cap: int
    nearer_positive: bool
    whole_class: bool
    never_pair: bool
    duplicate_sq: float
    nearest_sq: float
    farthest_sq: float
    rank_first: int
    rank_stop: int
    percentile: float
    minimum_margin: float
    relative_margin: float
    random_order: bool
    order_seed: int
    per_positive: int
    confusion: bool


class Lookup(NamedTuple):
    """Data that the kernel looks up by row id, for the rows that the table lists and for the anchors.

    members, offsets: the Labels of all rows; offsets is empty if every row has one class.
    class_starts, class_rows: ``Labels.rows_by_class``; used only with ``Limits.whole_class``.
    vectors: float32 (N, D), or empty; used with ``Limits.whole_class`` and ``Limits.duplicate_sq``.
    excluded: bool (N,), or empty for none.
    never_starts, never_rows: ``PairLists``: for each anchor the rows that must not be its negatives; empty for none.
    groups: int64 (N,), the group of each row, −1 for none; empty if no guard needs it.
    anchor_…: the same for the anchors; their vectors are used only with ``Limits.whole_class``.
    one_set: anchors and listed rows are the same set, so that an id means the same row in both.
    """

    members: NDArray[np.int32]
    offsets: NDArray[np.int64]
    class_starts: NDArray[np.int64]
    class_rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    excluded: NDArray[np.bool_]
    never_starts: NDArray[np.int64]
    never_rows: NDArray[np.int64]
    groups: NDArray[np.int64]
    anchor_members: NDArray[np.int32]
    anchor_offsets: NDArray[np.int64]
    anchor_vectors: NDArray[np.float32]
    anchor_excluded: NDArray[np.bool_]
    anchor_groups: NDArray[np.int64]
    one_set: bool


@numba.njit(cache=True, nogil=True)
def first_class(members, offsets, row):
    """The lowest class of a row."""
    # Takes arrays rather than a Lookup, and reads in one place: numba counts references at each access to a Lookup in a
    # branch, which costs ten times the read.
    at = row if offsets.size == 0 else offsets[row]
    return members[at]


@numba.njit(cache=True, nogil=True)
def shared_class(left_members, left_offsets, left, members, offsets, right):
    """The lowest class that two rows share, or −1. Each row index refers to the labels that stand before it."""
    if offsets.size == 0:
        wanted = members[right]
        if left_offsets.size == 0:
            return wanted if left_members[left] == wanted else np.int32(-1)
        i, end = left_offsets[left], left_offsets[left + 1]
        while i < end:  # binary search for the first that is not below ``wanted``
            middle = (i + end) // 2
            if left_members[middle] < wanted:
                i = middle + 1
            else:
                end = middle
        found = i < left_offsets[left + 1] and left_members[i] == wanted
        return wanted if found else np.int32(-1)
    i = left if left_offsets.size == 0 else left_offsets[left]
    left_end = left + 1 if left_offsets.size == 0 else left_offsets[left + 1]
    j = offsets[right]
    while i < left_end and j < offsets[right + 1]:
        if left_members[i] == members[j]:
            return members[j]
        if left_members[i] < members[j]:
            i += 1
        else:
            j += 1
    return np.int32(-1)


@numba.njit(cache=True, nogil=True)
def list_class_pairs(members, offsets, anchor, positive, negative, hinge, pairs, hinges, count):
    """Append an entry, with the hinge, for each class that anchor and positive share and each class of the negative.

    pairs: int32 (2, P), hinges: float64 (P,), both filled up to ``count``; copied to longer arrays when full.

    Returns pairs, hinges and the new count.
    """
    i, j = offsets[anchor], offsets[positive]
    while i < offsets[anchor + 1] and j < offsets[positive + 1]:
        if members[i] == members[j]:
            for at in range(offsets[negative], offsets[negative + 1]):
                if count == hinges.size:
                    longer_pairs = np.empty((2, 2 * count), np.int32)
                    longer_pairs[:, :count] = pairs
                    longer_hinges = np.empty(2 * count, np.float64)
                    longer_hinges[:count] = hinges
                    pairs, hinges = longer_pairs, longer_hinges
                pairs[0, count] = members[i]
                pairs[1, count] = members[at]
                hinges[count] = hinge
                count += 1
            i += 1
            j += 1
        elif members[i] < members[j]:
            i += 1
        else:
            j += 1
    return pairs, hinges, count


@numba.njit(cache=True, nogil=True)
def farther_than_boundary(sq_negative, sq_positive, limits):
    """Whether (k·d(a,p))² < d²(a,n)."""
    return limits.k_sq * sq_positive < sq_negative


@numba.njit(cache=True, nogil=True)
def clear_of_positive(sq_negative, sq_positive, limits):
    """Whether a negative is beyond the exclusion boundary and both minimum margins; then also for nearer positives."""
    if not farther_than_boundary(sq_negative, sq_positive, limits):
        return False
    if sq_negative < sq_positive + limits.minimum_margin:
        return False
    if limits.relative_margin >= 0.0:
        score = 1.0 - sq_positive / 2.0
        most = score * (1.0 - limits.relative_margin if score > 0.0 else 1.0 + limits.relative_margin)
        return sq_negative >= 2.0 - 2.0 * most
    return True


@numba.njit(cache=True, nogil=True)
def percentile_of(ascending, percentile):
    """The percentile of sorted values, linearly interpolated."""
    position = percentile / 100.0 * (ascending.size - 1)
    low = int(position)
    high = min(low + 1, ascending.size - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (position - low)


@numba.njit(cache=True, nogil=True)
def whole_class_positives(anchor, count, near, lookup, apart):
    """All rows that share a class with the anchor, ascending by (distance, id).

    near: (ids, squared distances, ranks, shared classes) of the ``count`` positives inside S_a, which keep their
    distances. apart: the group whose rows are left out, −1 for none. Returns the same four for all positives, with
    rank −1 outside S_a; the first id whose distance is not finite, or −1; and the number of rows left out for their
    group.
    """
    near_ids, near_sq, near_rank, near_class = near
    members, offsets, vectors, excluded = lookup.members, lookup.offsets, lookup.vectors, lookup.excluded
    class_starts, class_rows, groups = lookup.class_starts, lookup.class_rows, lookup.groups
    own_members, own_offsets = lookup.anchor_members, lookup.anchor_offsets
    own_vectors = lookup.anchor_vectors
    begin = own_offsets[anchor] if own_offsets.size else anchor
    end = own_offsets[anchor + 1] if own_offsets.size else anchor + 1
    size = 0
    for at in range(begin, end):
        size += class_starts[own_members[at] + 1] - class_starts[own_members[at]]
    ids = np.empty(size, np.int64)
    found = of_group = 0
    for at in range(begin, end):
        c = own_members[at]
        for slot in range(class_starts[c], class_starts[c + 1]):
            row = class_rows[slot]
            if (lookup.one_set and row == anchor) or (excluded.size and excluded[row]):
                continue
            # A row that shares several classes is listed under each: take it under the first.
            if shared_class(own_members, own_offsets, anchor, members, offsets, row) != c:
                continue
            if apart >= 0 and groups[row] == apart:
                of_group += 1
                continue
            ids[found] = row
            found += 1
    ids = ids[:found]
    if end - begin > 1:
        ids.sort()
    sq = np.empty(found, np.float64)
    rank = np.full(found, -1, np.int32)
    for i in range(count):
        at = np.searchsorted(ids, near_ids[i])
        sq[at] = near_sq[i]
        rank[at] = near_rank[i]
    for i in range(found):
        if rank[i] < 0:
            sq[i] = sq_distance(own_vectors[anchor], vectors[ids[i]])
            if not np.isfinite(sq[i]):
                return ids, sq, rank, near_class, ids[i], of_group
    # Stable, so that equal distances stay ordered by id.
    order = np.argsort(sq, kind="mergesort")
    classes = np.empty(found, np.int32)
    for i in range(found):
        classes[i] = shared_class(own_members, own_offsets, anchor, members, offsets, ids[order[i]])
    return ids[order], sq[order], rank[order], classes, -1, of_group


@numba.njit(cache=True, nogil=True)
def split_row(anchor, ids, sq, lookup, apart, near, far):  # noqa: PLR0912 - one branch for each kind of entry
    """Split one anchor's neighbours into positives and negatives, both by ascending distance.

    apart: the group whose rows are not positives, −1 for none.
    near: output, (ids, squared distances, ranks, shared classes) of the positives.
    far: output, (ids, squared distances, ranks, first classes) of the negatives.

    Returns the numbers of positives, of negatives, of entries read and of positives left out for their group, then
    kind and column of the first bad entry (kind 0: none).
    """
    members, offsets, excluded = lookup.members, lookup.offsets, lookup.excluded
    own_members, own_offsets = lookup.anchor_members, lookup.anchor_offsets
    own_row = anchor if lookup.one_set else -1
    groups = lookup.groups
    plain = offsets.size == 0 and own_offsets.size == 0
    own_class = own_members[anchor] if plain else np.int32(-1)
    rows = members.size if offsets.size == 0 else offsets.size - 1
    near_id, near_sq, near_rank, near_class = near
    far_id, far_sq, far_rank, far_class = far
    positives = negatives = entries = of_group = 0
    previous = np.float32(0.0)
    for rank in range(ids.size):
        row, distance = ids[rank], sq[rank]
        if row == -1:
            continue
        if entries < rank:
            return positives, negatives, entries, of_group, AFTER_PAD, rank
        if row < 0 or row >= rows:
            return positives, negatives, entries, of_group, BAD_ID, rank
        if row == own_row:
            return positives, negatives, entries, of_group, OWN_NEIGHBOUR, rank
        if not (distance >= 0.0 and distance < np.inf):
            return positives, negatives, entries, of_group, BAD_DISTANCE, rank
        if distance < previous:
            return positives, negatives, entries, of_group, NOT_ASCENDING, rank
        previous = distance
        entries += 1
        if excluded.size and excluded[row]:
            continue
        if plain:  # the usual case, in the innermost loop
            shared = own_class if members[row] == own_class else np.int32(-1)
        else:
            shared = shared_class(own_members, own_offsets, anchor, members, offsets, row)
        if shared < 0:
            far_id[negatives] = row
            far_sq[negatives] = distance
            far_rank[negatives] = rank
            far_class[negatives] = first_class(members, offsets, row)
            negatives += 1
        elif apart >= 0 and groups[row] == apart:
            of_group += 1
        else:
            near_id[positives] = row
            near_sq[positives] = distance
            near_rank[positives] = rank
            near_class[positives] = shared
            positives += 1
    return positives, negatives, entries, of_group, 0, 0


@numba.njit(cache=True, nogil=True)
def listed_within(first, second, ids, sq, anchors, limit):
    """Whether the table's line of ``first`` lists ``second`` at d² ≤ limit: 1 yes, 0 no, −1 if it does not tell."""
    row = first - anchors[0]
    if row < 0 or row >= anchors.size or anchors[row] != first:
        return -1
    for rank in range(ids.shape[1]):
        if ids[row, rank] < 0 or sq[row, rank] > limit:
            return 0
        if ids[row, rank] == second:
            return 1
    return -1


@numba.njit(cache=True, nogil=True)
def same_thing(positive, negative, table, lookup, limits):
    """Whether d²(p,n) ≤ duplicate_sq, by the vectors or else by the table; True if neither tells."""
    vectors = lookup.vectors
    if vectors.size:
        return sq_distance(vectors[positive], vectors[negative]) <= limits.duplicate_sq
    if not lookup.one_set:  # the table has no distances between two listed rows
        return True
    ids, sq, anchors = table
    said = listed_within(positive, negative, ids, sq, anchors, limits.duplicate_sq)
    if said < 0:
        said = listed_within(negative, positive, ids, sq, anchors, limits.duplicate_sq)
    return said != 0


@numba.njit(cache=True, nogil=True)
def is_duplicate(negative, distance, begin, id_positive, sq_positive, table, lookup, limits):
    """Whether a negative is a duplicate of the anchor or of one of its positives, and the ``begin`` of the next call.

    By the triangle inequality, only positives about as far from the anchor as the negative can be. ``begin`` is the
    first of these; it only moves forward, because distances of negatives ascend from call to call.
    """
    if limits.duplicate_sq < 0.0:
        return False, begin
    if distance <= limits.duplicate_sq:
        return True, begin
    far = np.sqrt(distance)
    reach = np.sqrt(limits.duplicate_sq) + ROUNDING * far
    while begin < sq_positive.size and np.sqrt(sq_positive[begin]) < far - reach:
        begin += 1
    at = begin
    while at < sq_positive.size and np.sqrt(sq_positive[at]) <= far + reach:
        if same_thing(id_positive[at], negative, table, lookup, limits):
            return True, begin
        at += 1
    return False, begin


@numba.njit(cache=True, nogil=True)
def listed(ascending, row):
    """Whether a row is in a sorted array."""
    if ascending.size == 0:
        return False
    at = np.searchsorted(ascending, row)
    return at < ascending.size and ascending[at] == row


@numba.njit(cache=True, nogil=True)
def admit(far, near, barred, table, lookup, limits, counts, usable, hardest):  # noqa: PLR0912 - the guards in turn
    """Find the negatives that are admissible for some positive. Returns their number.

    far: (ids, squared distances, ranks) of the negatives. near: (ids, squared distances) of the positives. Both are
    ascending in distance. barred: (ids that must not be negatives of this anchor, ascending; groups of all rows; the
    anchor's group). usable[i]: output, position of the i-th admissible negative, ascending. hardest[i]: output,
    position of the farthest positive for which it is admissible.

    A negative lies beyond the exclusion boundaries of the nearest positives, up to a farthest one. That one only moves
    outwards as negatives get farther, so one pass over both lists is enough. A negative too far for it (hinge zero) is
    too far for all.
    """
    id_negative, sq_negative, rank_negative = far
    id_positive, sq_positive = near
    never, groups, own_group = barred
    positives = sq_positive.size
    floor = np.float64(-1.0)
    if limits.percentile >= 0.0:
        floor = percentile_of(sq_positive, limits.percentile)
    outside = clear = admitted = alike = 0
    for n in range(sq_negative.size):
        distance = sq_negative[n]
        if limits.nearer_positive and not sq_positive[0] < distance:
            continue
        while outside < positives and farther_than_boundary(distance, sq_positive[outside], limits):
            outside += 1
        if outside == 0 or not distance < sq_positive[outside - 1] + limits.margin:
            continue
        # The bare rule admits it: check the guards.
        if listed(never, id_negative[n]):
            counts[REFUSED] += 1
            continue
        if own_group >= 0 and groups[id_negative[n]] == own_group:
            counts[REFUSED + 1] += 1
            continue
        copy, alike = is_duplicate(
            id_negative[n], distance, alike, id_positive, sq_positive, table, lookup, limits
        )
        if copy:
            counts[REFUSED + 2] += 1
        elif not limits.nearest_sq <= distance <= limits.farthest_sq:
            counts[REFUSED + 3] += 1
        elif not limits.rank_first <= rank_negative[n] < limits.rank_stop:
            counts[REFUSED + 4] += 1
        elif distance <= floor:
            counts[REFUSED + 5] += 1
        else:
            while clear < positives and clear_of_positive(distance, sq_positive[clear], limits):
                clear += 1
            if clear == 0 or not distance < sq_positive[clear - 1] + limits.margin:
                counts[REFUSED + 6] += 1
            else:
                usable[admitted] = n
                hardest[admitted] = clear - 1
                admitted += 1
    return admitted


@numba.njit(cache=True, nogil=True)
def pair_up(sq_negative, usable, sq_positive, limits, used, pairs):
    """Pair positives, from farthest to nearest, with their nearest unused admissible negatives.

    usable: from ``admit``. pairs: output, positions of the positives (row 0) and negatives (row 1).

    Returns the number of pairs.
    """
    admitted = usable.size
    used[:admitted] = False
    found = 0
    first = admitted
    for p in range(sq_positive.size - 1, -1, -1):
        if found == limits.cap:
            break
        # The nearer the positive, the more negatives lie beyond its boundary: ``first`` only falls.
        while first > 0 and clear_of_positive(sq_negative[usable[first - 1]], sq_positive[p], limits):
            first -= 1
        last = min(limits.cap, found + limits.per_positive)
        i = first
        while found < last:
            while i < admitted and used[i]:
                i += 1
            if i == admitted or not sq_negative[usable[i]] < sq_positive[p] + limits.margin:
                break
            used[i] = True
            pairs[0, found] = p
            pairs[1, found] = usable[i]
            found += 1
    return found


@numba.njit(cache=True, nogil=True)
def mixed(value):
    """A one-to-one hash of uint64: the last step of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def lots(seed, anchor, rows):
    """uint64 (R,), the random number of each row for this anchor: number `row` of the anchor's SplitMix64 stream.

    seed, anchor: integers, at least 0. rows: int64 (R,). Different rows never get the same number.
    """
    step = np.uint64(0x9E3779B97F4A7C15)
    stream = mixed(mixed(np.uint64(seed) + step) + np.uint64(anchor))
    drawn = np.empty(rows.size, np.uint64)
    for i in range(rows.size):
        drawn[i] = mixed(stream + np.uint64(rows[i] + 1) * step)
    return drawn


@numba.njit(cache=True, nogil=True)
def draw_pairs(anchor, far, usable, near, limits, used, pairs):
    """Pair positives, in random order (by ``lots``), with their unused admissible negatives of the lowest lots.

    far: (ids, squared distances) of the negatives. near: the same of the positives. usable, used, pairs: see
    ``pair_up``.

    Returns the number of pairs.
    """
    id_negative, sq_negative = far
    id_positive, sq_positive = near
    admitted = usable.size
    used[:admitted] = False
    found = 0
    lot_negative = lots(limits.order_seed, anchor, id_negative[usable])
    for p in np.argsort(lots(limits.order_seed, anchor, id_positive)):
        if found == limits.cap:
            break
        last = min(limits.cap, found + limits.per_positive)
        while found < last:
            best = -1
            for i in range(admitted - 1, -1, -1):
                if not clear_of_positive(sq_negative[usable[i]], sq_positive[p], limits):
                    break  # and neither are nearer negatives
                active = sq_negative[usable[i]] < sq_positive[p] + limits.margin
                if active and not used[i] and (best < 0 or lot_negative[i] < lot_negative[best]):
                    best = i
            if best < 0:
                break
            used[best] = True
            pairs[0, found] = p
            pairs[1, found] = usable[best]
            found += 1
    return found


@numba.njit(cache=True, nogil=True)
def take_pairs(anchor, far, usable, near, limits, used, pairs):
    """The pairs of an anchor, by ``draw_pairs`` or ``pair_up`` as the rule's order says."""
    if limits.random_order:
        return draw_pairs(anchor, far, usable, near, limits, used, pairs)
    return pair_up(far[1], usable, near[1], limits, used, pairs)


@numba.njit(cache=True, nogil=True)
def mine_block(table_rows, ids, sq_distances, anchors, lookup, limits):  # noqa: PLR0915 - one pass over its lists
    """Mine some lines of a neighbour table.

    table_rows: int64 (B,), the lines to mine, in this order. ids: int64 (N, K), sq_distances: float32 (N, K): the
    table. anchors: int64 (N,), the anchor of each line.

    Returns a tuple of
    bad: (kind, line, column or id) of the first bad input, kind 0 for none;
    counts: int64 (COUNTS,);
    triplets per line: int32 (B,);
    of the P admissible pairs: int32 (2, P), class of the anchor and of the negative, and float64 (P,), hinge; with
    several classes per row an entry for each combination, see ``list_class_pairs``;
    of the T triplets: int64 (3, T), anchor, positive, negative; float32 (2, T), sq_positive, sq_negative; and
    int32 (4, T), positive_rank, negative_rank, anchor_label, negative_label.
    """
    block, width = table_rows.size, ids.shape[1]
    members, offsets = lookup.members, lookup.offsets
    never_starts, never_rows = lookup.never_starts, lookup.never_rows
    groups, own_groups = lookup.groups, lookup.anchor_groups
    single = (
        offsets.size == 0
    )  # then anchor and positive share exactly one class, even if the anchor has several
    counts = np.zeros(COUNTS, np.int64)
    taken = np.zeros(block, np.int32)
    bad = (0, np.int64(0), np.int64(0))
    near = new_list(width)
    far = new_list(width)
    usable, hardest = np.empty((2, width), np.int64)
    used = np.empty(width, np.bool_)
    pairs = np.empty((2, width), np.int64)
    listed = block * width if limits.confusion else 0
    pair_classes = np.empty((2, listed), np.int32)
    pair_hinge = np.empty(listed, np.float64)
    n_pairs = 0
    slots = block * min(limits.cap, width)
    triplet_rows = np.empty((3, slots), np.int64)
    triplet_sq = np.empty((2, slots), np.float32)
    triplet_ranks = np.empty((4, slots), np.int32)
    n_triplets = 0

    for b in range(block):
        row = table_rows[b]
        a = anchors[row]
        if lookup.anchor_excluded.size and lookup.anchor_excluded[a]:
            counts[EXCLUDED] += 1
            continue
        own_group = own_groups[a] if own_groups.size else np.int64(-1)
        apart = own_group if limits.never_pair else np.int64(-1)
        positives, negatives, entries, of_group, kind, column = split_row(
            a, ids[row], sq_distances[row], lookup, apart, near, far
        )
        if kind:
            bad = (kind, row, np.int64(column))
            break
        counts[ENTRIES] += entries
        counts[NO_NEIGHBOUR_POSITIVE] += positives == 0
        p_id, p_sq, p_rank, p_class = near
        if limits.whole_class:
            p_id, p_sq, p_rank, p_class, broken, of_group = whole_class_positives(
                a, positives, near, lookup, apart
            )
            if broken >= 0:
                bad = (BAD_VECTOR, row, broken)
                break
            positives = p_id.size
        counts[POSITIVES_OF_GROUP] += of_group
        if positives == 0:
            counts[NO_POSITIVE] += 1
            continue
        counts[POSITIVES] += positives
        for p in range(positives):
            counts[EMPTY_INTERVAL] += limits.k_sq * p_sq[p] >= p_sq[p] + limits.margin

        n_id, n_sq, n_rank, n_class = far
        never = never_rows[:0]
        if never_rows.size:
            never = never_rows[never_starts[a] : never_starts[a + 1]]
        admitted = admit(
            (n_id, n_sq[:negatives], n_rank),
            (p_id, p_sq[:positives]),
            (never, groups, own_group),
            (ids, sq_distances, anchors),
            lookup,
            limits,
            counts,
            usable,
            hardest,
        )
        counts[ADMISSIBLE] += admitted
        counts[NO_NEGATIVE] += admitted == 0
        for i in range(admitted if limits.confusion else 0):
            n, p = usable[i], hardest[i]
            hinge = p_sq[p] + limits.margin - n_sq[n]
            if single:
                pair_classes[0, n_pairs] = p_class[p]
                pair_classes[1, n_pairs] = n_class[n]
                pair_hinge[n_pairs] = hinge
                n_pairs += 1
            else:
                pair_classes, pair_hinge, n_pairs = list_class_pairs(
                    members, offsets, a, p_id[p], n_id[n], hinge, pair_classes, pair_hinge, n_pairs
                )

        near_pairs = (p_id[:positives], p_sq[:positives])
        taken[b] = take_pairs(a, (n_id, n_sq), usable[:admitted], near_pairs, limits, used, pairs)
        for i in range(taken[b]):
            p, n = pairs[0, i], pairs[1, i]
            triplet_rows[0, n_triplets] = a
            triplet_rows[1, n_triplets] = p_id[p]
            triplet_rows[2, n_triplets] = n_id[n]
            triplet_sq[0, n_triplets] = p_sq[p]
            triplet_sq[1, n_triplets] = n_sq[n]
            triplet_ranks[0, n_triplets] = p_rank[p]
            triplet_ranks[1, n_triplets] = n_rank[n]
            triplet_ranks[2, n_triplets] = p_class[p]
            triplet_ranks[3, n_triplets] = n_class[n]
            n_triplets += 1

    # Copy the triplets, to free their unused slots; the pairs need no copy, since they are aggregated at once.
    return (
        bad,
        counts,
        taken,
        pair_classes[:, :n_pairs],
        pair_hinge[:n_pairs],
        triplet_rows[:, :n_triplets].copy(),
        triplet_sq[:, :n_triplets].copy(),
        triplet_ranks[:, :n_triplets].copy(),
    )


@numba.njit(cache=True, nogil=True)
def new_list(width):
    """Arrays for the positives or negatives of one anchor: ids, squared distances, ranks, classes."""
    return (
        np.empty(width, np.int64),
        np.empty(width, np.float64),
        np.empty(width, np.int32),
        np.empty(width, np.int32),
    )
