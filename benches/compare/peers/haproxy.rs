//! HAProxy with `jwt_verify`; the limit per user is a stick table, and what is revoked a list.

use super::{filled, write};
use crate::contestants::{Contestant, Stage};
use crate::levels::Level;
use crate::programs::{Program, debian, free_addresses};
use crate::support::{ACCESS_KEY, ISSUER};

pub(super) fn start(stage: &Stage<'_>) -> Result<Contestant, String> {
    let folder = stage.folder("haproxy")?;
    stage.write_keys(&folder)?;
    let doors = free_addresses();
    let [plain, hs, rs, es, limited, tls, http2, once] = doors;
    let at = doors.map(|address| address.to_string());
    let path = folder.display().to_string();
    let upstream = stage.upstream.to_string();
    let gaps = [
        // First: it has gaps itself.
        ("claims", include_str!("haproxy-claims.cfg")),
        ("plain", &at[0]),
        ("hs256", &at[1]),
        ("rs256", &at[2]),
        ("es256", &at[3]),
        ("limited", &at[4]),
        ("tls", &at[5]),
        ("http2", &at[6]),
        ("once", &at[7]),
        ("secret", ACCESS_KEY),
        ("issuer", ISSUER),
        ("folder", &path),
        ("upstream", &upstream),
    ];
    let file = write(&folder, "haproxy.cfg", &filled(include_str!("haproxy.cfg"), &gaps))?;
    let mut command = debian("haproxy");
    command.arg("-db").arg("-f").arg(file);
    let program = Program::told(stage.cores, crate::programs::Side::Proxy, &mut command, &folder, plain)?;
    let pids = [program.pid()];
    Ok(Contestant::of(vec![program])
        .door(&[Level::Plain], plain, &pids)
        .door(&[Level::HsOne, Level::Hs, Level::Body, Level::BadSignature, Level::Expired], hs, &pids)
        .door(&[Level::Rs], rs, &pids)
        .door(&[Level::Es], es, &pids)
        .door(&[Level::Limited, Level::Revoked], limited, &pids)
        .door(&[Level::Tls], tls, &pids)
        .door(&[Level::Http2], http2, &pids)
        .door(&[Level::OverLimit], once, &pids))
}
