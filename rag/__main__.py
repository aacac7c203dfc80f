"""`python -m rag` is the same program as `citedesk`."""

from rag.cli import main

raise SystemExit(main())
