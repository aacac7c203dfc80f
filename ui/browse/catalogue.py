"""A library made ready for browsing: its topics and map, its instant search, and its papers' vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from rag.index.library import Library
from rag.models.encoder import Vectors
from rag.types import Paper
from ui.browse.facets import Facets, Selection, facets, selected
from ui.browse.find import InstantSearch
from ui.browse.similar import Neighbour, similar
from ui.browse.topics import Atlas, lay_out

_KEPT = 2  # generations: the one in use, and the one before for pages that still show it
_made: dict[str, Catalogue] = {}
_making = Lock()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the Browse tab knows of one generation; `papers` is in corpus order."""

    generation: str
    papers: Mapping[str, Paper]
    atlas: Atlas
    search: InstantSearch
    vectors: Mapping[str, Vectors]

    def select(self, selection: Selection) -> tuple[tuple[Paper, ...], Facets]:
        """Give the papers that are asked for, sorted, and what each value of the facets would leave."""
        scores = self.search.scores(selection.text)
        papers, topics = tuple(self.papers.values()), self.atlas.topic_of
        return selected(papers, topics, selection, scores), facets(papers, topics, selection, scores)

    def similar(self, paper_id: str) -> tuple[Neighbour, ...]:
        """Find the papers most like one."""
        return similar(paper_id, self.vectors)

    def topic_name(self, paper_id: str) -> str | None:
        """Name a paper's topic."""
        topic_id = self.atlas.topic_of.get(paper_id)
        return None if topic_id is None else self.atlas.topics[topic_id].name


def catalogue(library: Library) -> Catalogue:
    """Make a library ready for browsing, once for each generation: that takes seconds, and others wait for it."""
    generation = library.manifest.generation
    with _making:
        if generation not in _made:
            made = _make(library)
            while len(_made) >= _KEPT:
                del _made[next(iter(_made))]
            _made[generation] = made
        return _made[generation]


def _make(library: Library) -> Catalogue:
    vectors = library.vectors.paper_vectors()
    return Catalogue(
        generation=library.manifest.generation,
        papers=library.papers,
        atlas=lay_out(library.papers, vectors),
        search=InstantSearch(tuple(library.papers.values()), library.bm25),
        vectors=vectors,
    )
