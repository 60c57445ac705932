"""State: identities, sorted runs, spines of them, and the LMDB store that keeps them."""
