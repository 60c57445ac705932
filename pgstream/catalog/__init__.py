"""The objects of a database, and the system relations and functions that show them."""
