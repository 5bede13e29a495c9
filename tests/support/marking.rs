//! Services that say what they saw of a request: its marker, its user, and the length and the digest
//! of its body. Node, uvicorn and nginx as they are, and one that breaks HTTP.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;

use super::gateway::Setup;
use super::nginx::Nginx;
use super::project;
use super::tools::{Running, node, python};

/// What nginx says it saw. It cannot make a digest: the body comes back as it was.
const SEEN: &str = r#"{"service":"nginx","marker":"$http_x_marker","user":"$http_x_user_id","method":"$request_method","path":"$PATH","length":"$content_length","body":"$http_x_seen_body"}\n"#;

pub struct Marking {
    nginx: Nginx,
    services: Vec<(&'static str, SocketAddr)>,
    _running: Vec<Running>,
}

impl Marking {
    pub fn start() -> Self {
        let script = |name: &str| project().join("tests/services").join(name);
        let mut command = node();
        command.arg(script("marker.js"));
        let (node, ports) = telling(command);
        let (uvicorn, at) = Running::listening(|port| {
            let mut command = python("python");
            command.arg(script("marker.py")).arg(port.to_string()).stderr(Stdio::null());
            command
        });
        let nginx = Nginx::start(&directives());
        let mut services = vec![
            ("node", local(&ports["steady"])),
            ("hasty", local(&ports["hasty"])),
            ("uvicorn", at),
            ("nginx", nginx.address),
        ];
        let mut running = vec![node, uvicorn];
        // One for all, and one that is never asked by two at the same time.
        for name in ["breaking", "late"] {
            let mut command = python("python");
            command.arg(script("breaking.py"));
            let (breaking, port) = telling(command);
            services.push((name, local(&port["port"])));
            running.push(breaking);
        }
        Self { nginx, services, _running: running }
    }

    /// What nginx could not read as a request.
    pub fn unreadable_for_nginx(&self) -> Vec<String> {
        let log = self.nginx.file("info");
        let lines = log.lines().filter(|line| line.contains("client sent invalid"));
        lines.map(str::to_owned).collect()
    }

    pub fn address(&self, name: &str) -> SocketAddr {
        self.services.iter().find(|(known, _)| *known == name).unwrap().1
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.services.iter().map(|(_, address)| *address).collect()
    }

    /// A gateway before all of them: `/private/NAME` for users, `/public/NAME` for everybody.
    pub fn behind(&self, idle_timeout_ms: u32) -> Setup {
        self.services.iter().fold(Setup::new(""), |setup, (name, address)| {
            // None is left out for what it breaks.
            let more = format!("idle_timeout_ms = {idle_timeout_ms}\neject_after = 0");
            let route = |way: &str| format!("/{way}/{name}");
            setup
                .upstream(name, &address.to_string())
                .config(&more)
                .route(&format!("private-{name}"), &route("private"), name, "strip_prefix = true")
                .route(
                    &format!("public-{name}"),
                    &route("public"),
                    name,
                    "strip_prefix = true\nauth = \"public\"",
                )
        })
    }
}

/// A program that prints its ports first.
fn telling(command: std::process::Command) -> (Running, Value) {
    let mut running = Running::start(command);
    let line = running.line();
    let ports = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ports: {line}"));
    (running, ports)
}

fn local(port: &Value) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(port.as_u64().unwrap()).unwrap()))
}

/// A location that reads the body passes it to `/seen` of the same server, which answers.
fn directives() -> String {
    let seen = |path: &str| SEEN.replace("$PATH", path);
    let sixteen = |name: &str| format!("${name}").repeat(16);
    let passes = |path: &str, to: &str, more: &str| {
        format!("location = {path} {{ proxy_pass http://$listen{to}; {more} }}\n")
    };
    // So that it does not know the length.
    let unmeasured = "sub_filter 'what is not there' ''; sub_filter_types *;";
    [
        // What it cannot read as a request stands in this log.
        "listen $listen; error_log info info; default_type text/plain; large_client_header_buffers 4 64k;\n",
        "client_max_body_size 0; client_body_buffer_size 16k; proxy_buffers 64 8k;\n",
        "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header X-Seen-Path $request_uri;\n",
        "proxy_set_header X-Seen-Body $request_body;\n",
        "keepalive_timeout 120s;\n",
        "set $one \"$http_x_marker\\n\";\n",
        &format!("set $some \"{}\"; set $many \"{}\";\n", sixteen("one"), sixteen("some")),
        &format!("set $lines \"{}\";\n", sixteen("many")),
        &format!("location = /seen {{ {MARKED} return 200 '{}'; }}\n", seen("$http_x_seen_path")),
        &format!("location = /seen/lines {{ {MARKED} return 200 '{}$lines'; }}\n", seen("$http_x_seen_path")),
        &format!("location = /early {{ {MARKED} return 200 '{}'; }}\n", seen("$request_uri")),
        &format!("location = /204 {{ {MARKED} return 204; }}\nlocation = /304 {{ {MARKED} return 304; }}\n"),
        &passes("/plain", "/seen", ""),
        &passes("/large", "/seen/lines", ""),
        &passes("/slow", "/seen/lines", "limit_rate 300k;"),
        &passes("/chunked", "/seen", unmeasured),
        &passes("/closing", "/seen", &format!("{unmeasured} chunked_transfer_encoding off;")),
    ]
    .concat()
}

const MARKED: &str =
    "add_header X-Marker $http_x_marker always; add_header X-Seen-User $http_x_user_id always;";
