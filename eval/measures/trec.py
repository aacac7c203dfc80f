"""The measures of public test sets, as published figures have them, through ir-measures (MacAvaney et al., ECIR 2022).

nDCG: Järvelin and Kekäläinen (2002) with the grades themselves as gains, as in trec_eval. A query's reciprocal rank is
that of its first relevant document, 0 beyond 10. A query without a ranking scores 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Qrels = Mapping[str, Mapping[str, int]]

MEASURES = {"ndcg@10": "nDCG@10", "recall@20": "R@20", "recall@100": "R@100", "mrr@10": "RR@10"}


def per_query(rankings: Mapping[str, Sequence[str]], qrels: Qrels) -> dict[str, dict[str, float]]:
    """Map each of MEASURES to query id to its value in [0, 1], for all queries of `qrels` in their order."""
    import ir_measures  # 0.3 s

    measures = {ir_measures.parse_measure(known): name for name, known in MEASURES.items()}
    values = {name: dict.fromkeys(qrels, 0.0) for name in MEASURES}
    # Scores fall with the rank, so that no tie is left for trec_eval to break by id.
    run = {
        query_id: {document_id: -float(rank) for rank, document_id in enumerate(rankings.get(query_id, ()))}
        for query_id in qrels
    }
    for metric in ir_measures.iter_calc(list(measures), {key: dict(grades) for key, grades in qrels.items()}, run):
        values[measures[metric.measure]][metric.query_id] = metric.value
    return values
