//! Upstreams.

use std::sync::Arc;
use std::time::Duration;

use super::Checker;
use crate::config::file::{File, UpstreamEntry};
use crate::pipeline::{Target, Timeouts, Upstream};

impl Checker<'_> {
    pub(super) fn upstreams(&mut self, file: &File) -> Vec<Arc<Upstream>> {
        let upstreams: Vec<_> = file.upstreams.iter().filter_map(|entry| self.upstream(entry)).collect();
        for (index, upstream) in upstreams.iter().enumerate() {
            if upstreams[..index].iter().any(|other| other.name == upstream.name) {
                self.fault(format!("upstreams: the name `{}` occurs twice", upstream.name));
            }
        }
        upstreams
    }

    fn upstream(&mut self, entry: &UpstreamEntry) -> Option<Arc<Upstream>> {
        let name = &entry.name;
        let target = match entry.address.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Some(Target::Unix(path.into())),
            _ => entry.address.parse().ok().map(Target::Tcp),
        };
        let times =
            [entry.connect_timeout_ms, entry.read_timeout_ms, entry.write_timeout_ms, entry.idle_timeout_ms];
        if times.contains(&0) {
            self.fault(format!("upstream `{name}`: a timeout of 0 ms would refuse every request"));
        }
        let Some(target) = target else {
            self.fault(format!("upstream `{name}`: address \"{}\" is neither an address and port (\"127.0.0.1:8081\") nor a socket (\"unix:/run/app.sock\")", entry.address));
            return None;
        };
        let [connect, read, write, idle] = times.map(Duration::from_millis);
        Some(Arc::new(Upstream {
            name: name.clone(),
            target,
            timeouts: Timeouts { connect, read, write, idle },
        }))
    }
}
