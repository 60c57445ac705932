"""The tick loop: one thread that owns every circuit and the only write transaction."""
