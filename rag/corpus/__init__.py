"""Reading and writing of paper collections: saved listing pages and JSON Lines."""
