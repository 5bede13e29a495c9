//! Operating it: configuration, start, stop, logs, metrics, and what happens when things break.

mod config;
mod shutdown;
mod start;
