//! nginx with verification in Lua (`gate.lua`), the limit per user in shared memory, and revocation
//! there or in Redis.

use std::path::Path;

use super::{filled, nginx, nginx_folders, write};
use crate::contestants::{Contestant, Stage};
use crate::levels::Level;
use crate::programs::{Program, Side, free_addresses};
use crate::support::{ACCESS_KEY, ISSUER};

const MODULES: &str = "/usr/lib/nginx/modules";
/// What Debian's packages bring, and the package.
const NEEDED: [(&str, &str); 3] = [
    ("/usr/lib/nginx/modules/ngx_http_lua_module.so", "libnginx-mod-http-lua"),
    ("/usr/lib/x86_64-linux-gnu/lua/5.1/cjson.so", "lua-cjson"),
    ("/usr/share/lua/5.1/nginx/redis.lua", "lua-nginx-redis"),
];

pub(super) fn start(stage: &Stage<'_>) -> Result<Contestant, String> {
    for (file, package) in NEEDED.into_iter().filter(|_| cfg!(target_arch = "x86_64")) {
        if !Path::new(file).exists() {
            return Err(format!("{file} is missing: install {package}"));
        }
    }
    let folder = stage.folder("nginx-lua")?;
    stage.write_keys(&folder)?;
    write(&folder, "gate.lua", include_str!("gate.lua"))?;
    let [plain, hs, rs, es, ed, limited, redis, body, tls, http2, once] = free_addresses();
    let both = folder.join("both.pem").display().to_string();
    let with_tls = format!("ssl_certificate {both}; ssl_certificate_key {both}; ssl_protocols TLSv1.3;");
    let unbuffered = "proxy_buffering off; proxy_request_buffering off;";
    let doors = [
        (hs, "", "admit", "HS256", ""),
        (rs, "", "admit", "RS256", ""),
        (es, "", "admit", "ES256", ""),
        (ed, "", "admit", "EdDSA", ""),
        (limited, "", "limit", "HS256", ""),
        (redis, "", "redis", "HS256", ""),
        (body, "", "admit", "HS256", unbuffered),
        (tls, "ssl", "limit", "HS256", &*with_tls),
        (http2, "http2", "limit", "HS256", ""),
        (once, "", "once", "HS256", ""),
    ];
    let servers = doors.map(|(listen, protocol, step, algorithm, more)| {
        let listen = format!("{listen} {protocol}");
        let gaps = [("listen", &*listen), ("stage", step), ("algorithm", algorithm), ("more", more)];
        filled(include_str!("nginx-lua-server.conf"), &gaps)
    });
    let store = stage.redis.map(|redis| redis.address);
    let gaps = [
        ("servers", &*servers.concat()),
        ("modules", MODULES),
        ("temporary", &nginx_folders(&folder)),
        ("folder", &folder.display().to_string()),
        ("secret", ACCESS_KEY),
        ("issuer", ISSUER),
        ("redis_host", "127.0.0.1"),
        ("redis_port", &store.map_or(0, |store| store.port()).to_string()),
        ("upstream", &stage.upstream.to_string()),
        ("plain", &plain.to_string()),
    ];
    let file = write(&folder, "nginx.conf", &filled(include_str!("nginx-lua.conf"), &gaps))?;
    let mut command = nginx(&folder, &file);
    let program = Program::told(stage.cores, Side::Proxy, &mut command, &folder, plain)?;
    let pids = [program.pid()];
    let contestant = Contestant::of(vec![program])
        .door(&[Level::Plain], plain, &pids)
        .door(&[Level::HsOne, Level::Hs, Level::BadSignature, Level::Expired], hs, &pids)
        .door(&[Level::Rs], rs, &pids)
        .door(&[Level::Es], es, &pids)
        .door(&[Level::Ed], ed, &pids)
        .door(&[Level::Limited, Level::Revoked], limited, &pids)
        .door(&[Level::Body], body, &pids)
        .door(&[Level::Tls], tls, &pids)
        .door(&[Level::Http2], http2, &pids)
        .door(&[Level::OverLimit], once, &pids);
    Ok(if store.is_some() { contestant.door(&[Level::Redis], redis, &pids) } else { contestant })
}
