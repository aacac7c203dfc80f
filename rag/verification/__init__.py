"""Each sentence of a written answer, checked against the papers that it cites."""
