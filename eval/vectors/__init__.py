"""How small vectors can be stored: compressed forms of token vectors and single vectors, and what each costs."""
