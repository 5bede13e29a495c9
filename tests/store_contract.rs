//! What every store keeps to: one suite for each port, run against each adapter.

mod redis_revocations;
