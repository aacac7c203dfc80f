"""What the Browse tab computes from a library, once a generation: topics and map, instant search, similar papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np

from rag.corpus.links import PaperLinks
from rag.index.library import Library
from rag.models.onnx import Array
from rag.types import Paper
from ui.browse.facets import BrowseQuery, Facets, count_facets, filter_and_sort
from ui.browse.instant_search import InstantSearch
from ui.browse.topics import Atlas, lay_out

_KEPT = 2  # generations: the one in use, and the one before for pages that still show it
_NEIGHBOURS = 10
_made: dict[str, Collection] = {}
_making = Lock()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A paper similar to another one; `similarity` is the cosine of their vectors, in [-1, 1]."""

    paper_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Collection:
    """The browsing data of one generation; `papers` is in corpus order."""

    generation: str
    papers: Mapping[str, Paper]
    atlas: Atlas
    search: InstantSearch
    vectors: Mapping[str, Array]
    links: PaperLinks

    def select(self, query: BrowseQuery) -> tuple[tuple[Paper, ...], Facets]:
        """Return the papers that a query admits, sorted, and the count of each facet value."""
        scores = self.search.scores(query.text)
        papers, topics = tuple(self.papers.values()), self.atlas.topic_of
        return filter_and_sort(papers, topics, query, scores), count_facets(papers, topics, query, scores)

    def similar(self, paper_id: str) -> tuple[Neighbour, ...]:
        """Return the papers most similar to one."""
        return nearest(paper_id, self.vectors)

    def topic_name(self, paper_id: str) -> str | None:
        """Return the name of a paper's topic."""
        topic_id = self.atlas.topic_of.get(paper_id)
        return None if topic_id is None else self.atlas.topics[topic_id].name


def load_collection(library: Library) -> Collection:
    """Return a library's collection; building it takes seconds, once a library, while other callers wait."""
    generation = library.manifest.generation
    with _making:
        made = _made.get(generation)
        if made is None or made.papers is not library.papers:  # of an earlier opening, which may be closed
            made = _make(library)
            while len(_made) >= _KEPT:
                del _made[next(iter(_made))]
            _made[generation] = made
        return made


def _make(library: Library) -> Collection:
    vectors = library.vectors.paper_vectors()
    return Collection(
        generation=library.manifest.generation,
        papers=library.papers,
        atlas=lay_out(library.papers, vectors),
        search=InstantSearch(tuple(library.papers.values()), library.bm25),
        vectors=vectors,
        links=library.links,
    )


def nearest(paper_id: str, vectors: Mapping[str, Array], count: int = _NEIGHBOURS) -> tuple[Neighbour, ...]:
    """Return the papers nearest to one by their unit vectors, nearest first; ties go to the smaller id."""
    own = vectors.get(paper_id)
    others = [other for other in vectors if other != paper_id]
    if own is None or not others:
        return ()
    cosines = np.stack([vectors[other] for other in others]) @ own
    ranked = sorted(zip(others, cosines.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Neighbour(other, cosine) for other, cosine in ranked[:count])
