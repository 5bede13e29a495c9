//! Envoy with `jwt_authn`, with and without its cache of verified tokens.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use super::write;
use crate::contestants::{Contestant, Stage};
use crate::credentials::Credentials;
use crate::levels::Level;
use crate::programs::{Program, Side, free_addresses, installed};
use crate::support::ISSUER;

/// The default of 100 would not hold the tokens that are in use.
pub(super) const CACHE_TOKENS: u32 = 4_000;

pub(super) fn start(stage: &Stage<'_>, cache_tokens: Option<u32>) -> Result<Contestant, String> {
    let envoy = installed("test-tools/venv/bin/envoy")?;
    let folder = stage.folder(if cache_tokens.is_some() { "envoy-cache" } else { "envoy" })?;
    let [plain, hs, rs, es, ed, tls] = free_addresses();
    let hs_verification = verification(&Credentials::secret_key_set(), cache_tokens);
    let mut with_tls = listener("tls", tls, Some(hs_verification.clone()));
    with_tls["filter_chains"][0]["transport_socket"] = transport(stage);
    let [rs_keys, es_keys, ed_keys] = stage.credentials.pairs.each_ref().map(|pair| pair.key_set.clone());
    let listeners = [
        listener("plain", plain, None),
        listener("hs256", hs, Some(hs_verification)),
        listener("rs256", rs, Some(verification(&rs_keys, cache_tokens))),
        listener("es256", es, Some(verification(&es_keys, cache_tokens))),
        listener("eddsa", ed, Some(verification(&ed_keys, cache_tokens))),
        with_tls,
    ];
    let endpoint = json!({ "endpoint": { "address": address(stage.upstream) } });
    let app = json!({
        "name": "app",
        "type": "STATIC",
        "load_assignment": { "cluster_name": "app", "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    let all = json!({ "static_resources": { "listeners": listeners, "clusters": [app] } });
    let file = write(&folder, "envoy.json", &all.to_string())?;
    let mut command = Command::new(envoy);
    command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "error", "-c"]).arg(file);
    let program = Program::told(stage.cores, Side::Proxy, &mut command, &folder, plain)?;
    let pids = [program.pid()];
    Ok(Contestant::of(vec![program])
        .door(&[Level::Plain], plain, &pids)
        .door(&[Level::HsOne, Level::Hs, Level::Body, Level::Http2, Level::BadSignature], hs, &pids)
        .door(&[Level::Tls], tls, &pids)
        .door(&[Level::Rs], rs, &pids)
        .door(&[Level::Es], es, &pids)
        .door(&[Level::Ed], ed, &pids))
}

fn address(at: SocketAddr) -> Value {
    json!({ "socket_address": { "address": at.ip().to_string(), "port_value": at.port() } })
}

fn listener(name: &str, at: SocketAddr, verification: Option<Value>) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    });
    let filters: Vec<_> = verification.into_iter().chain([router]).collect();
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "app" } });
    let hosts = json!([{ "name": "all", "domains": ["*"], "routes": [route] }]);
    let manager = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            "route_config": { "virtual_hosts": hosts },
            "http_filters": filters,
        },
    });
    json!({ "name": name, "address": address(at), "filter_chains": [{ "filters": [manager] }] })
}

/// TLS 1.3 to the client.
fn transport(stage: &Stage<'_>) -> Value {
    let file = |file: &std::path::Path| json!({ "filename": file.display().to_string() });
    let certificate = json!({
        "certificate_chain": file(&stage.certificate.certificate_file),
        "private_key": file(&stage.certificate.key_file),
    });
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_certificates": [certificate],
                "tls_params": { "tls_minimum_protocol_version": "TLSv1_3" },
            },
        },
    })
}

fn verification(key_set: &Value, cache_tokens: Option<u32>) -> Value {
    let header = |claim: &str, name: &str| json!({ "header_name": name, "claim_name": claim });
    let mut provider = json!({
        "issuer": ISSUER,
        "local_jwks": { "inline_string": key_set.to_string() },
        "claim_to_headers": [
            header("sub", "x-user-id"),
            header("email", "x-user-email"),
            header("role", "x-user-role"),
        ],
    });
    if let Some(tokens) = cache_tokens {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": tokens });
    }
    let rule = json!({ "match": { "prefix": "/" }, "requires": { "provider_name": "gateway" } });
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "gateway": provider },
            "rules": [rule],
        },
    })
}
