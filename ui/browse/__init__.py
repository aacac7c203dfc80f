"""The Browse tab: all papers with facets, instant search, more like this, and a map of the collection."""
