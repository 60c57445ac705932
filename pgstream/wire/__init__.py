"""The Postgres frontend/backend protocol 3.0 and 3.2 as a pure state machine over bytes: no sockets, no clock."""
