//! Operating it: configuration, start, stop, logs, metrics, and what happens when things break.

mod backup;
mod belonging;
mod canary;
mod check;
mod config;
mod config_source;
mod crash_safety;
mod dumps;
mod login_storm;
mod logs;
mod metrics;
mod readiness;
mod redis_eviction;
mod redis_faults;
mod shutdown;
mod start;
mod store_faults;
mod upgrade;
