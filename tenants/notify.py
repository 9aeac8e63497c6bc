"""The channel on which PostgreSQL tells running nodes what changed; apart, so that a node need not load migrations."""

SNAPSHOT_CHANNEL = "snapshot"
