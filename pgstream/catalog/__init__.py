"""The objects of a database, and the system relations that show them."""
