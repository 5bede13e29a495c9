//! Watching it: metrics, dashboards, alerts, logs and traces, held against the real programs that
//! read them.

mod everything;
mod expressions;
mod generated;
mod hostile;
mod incidents;
mod logs;
mod observed;
mod readable;
mod reference;
mod rules;
mod runbooks;
mod traces;
