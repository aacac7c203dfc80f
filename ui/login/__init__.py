"""Who may use the server: a file of users, signed cookies, a proxy's header, and the guard before every path."""
