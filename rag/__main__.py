"""`python -m rag` is the same program as `citedesk`."""

from rag.cli.main import main

raise SystemExit(main())
