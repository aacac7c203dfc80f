"""Measures of a ranking, through ir-measures; grade 2 is relevant, and grade 1 counts in nDCG alone.

nDCG: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002, with gains 3 for grade 2
and 1 for grade 1, as 2^grade - 1 of Burges et al., ICML 2005. Recall and R-precision: Buckley and Voorhees, Retrieval
system evaluation, in TREC, MIT Press 2005. Reciprocal rank: Voorhees, The TREC-8 question answering track report,
1999; here of the first 50 papers. Success@1: Craswell, Success at n, Encyclopedia of Database Systems, 2009.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.gold.questions import MUST

DEPTH = 50  # papers of a ranking that are kept and measured
RECALL_DEPTHS = (5, 10, 20, 50)
_GAINS = {1: 1, 2: 3}


def ranking_scores(hits: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Score a ranking of paper ids against grades; nothing where no paper has grade 2."""
    if MUST not in relevant.values():
        return {}
    import ir_measures  # 0.3 s
    from ir_measures import RR, Qrel, R, Rprec, ScoredDoc, Success, nDCG

    measures = {
        "ndcg@10": nDCG(gains=_GAINS) @ 10,
        **{f"recall@{depth}": R(rel=MUST) @ depth for depth in RECALL_DEPTHS},
        "r_precision": Rprec(rel=MUST),
        "mrr": RR(rel=MUST),
        "success@1": Success(rel=MUST) @ 1,
    }
    grades = [Qrel("", paper_id, grade) for paper_id, grade in relevant.items()]
    run = [ScoredDoc("", paper_id, -float(rank)) for rank, paper_id in enumerate(hits[:DEPTH])]
    values = ir_measures.calc_aggregate(list(measures.values()), grades, run) if run else {}
    return {name: float(values.get(measure, 0.0)) for name, measure in measures.items()}


def recall_curve(hits: Sequence[str], relevant: Mapping[str, int], depth: int) -> list[float]:
    """Return the recall of grade 2 papers at each of the first `depth` ranks; empty without such papers."""
    wanted = {paper_id for paper_id, grade in relevant.items() if grade == MUST}
    if not wanted:
        return []
    return [len(wanted.intersection(hits[:rank])) / len(wanted) for rank in range(1, depth + 1)]
