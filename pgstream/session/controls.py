"""All statements that a session runs itself; imported for what they declare."""

from pgstream.session import (
    control_copy,
    control_settings,
    control_statements,
    control_subscriptions,
    control_transaction,
)

CONTROLS = (control_copy, control_settings, control_statements, control_subscriptions, control_transaction)
