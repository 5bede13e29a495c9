//! pingap with its jwt plugin.

use std::process::Command;

use super::{filled, write};
use crate::contestants::{Contestant, Stage};
use crate::levels::Level;
use crate::programs::{Program, Side, free_addresses, installed};
use crate::support::{ACCESS_KEY, ISSUER};

pub(super) fn start(stage: &Stage<'_>) -> Result<Contestant, String> {
    let pingap = installed("bench-tools/bin/pingap")?;
    let folder = stage.folder("pingap")?;
    let [plain, hs, rs, es, ed] = free_addresses();
    let gaps = [
        ("folder", &*folder.display().to_string()),
        ("upstream", &stage.upstream.to_string()),
        ("plain", &plain.to_string()),
        ("hs256", &hs.to_string()),
        ("secret", ACCESS_KEY),
        ("issuer", ISSUER),
    ];
    let mut text = filled(include_str!("pingap.toml"), &gaps);
    for (listen, pair) in [rs, es, ed].iter().zip(&stage.credentials.pairs) {
        let gaps = [
            ("algorithm", pair.algorithm.name()),
            ("listen", &*listen.to_string()),
            ("public", &pair.public_pem),
            ("issuer", ISSUER),
        ];
        text.push_str(&filled(include_str!("pingap-key.toml"), &gaps));
    }
    let file = write(&folder, "pingap.toml", &text)?;
    let mut command = Command::new(pingap);
    command.arg("--conf").arg(file).arg("--strict");
    let program = Program::told(stage.cores, Side::Proxy, &mut command, &folder, plain)?;
    let pids = [program.pid()];
    Ok(Contestant::of(vec![program])
        .door(&[Level::Plain], plain, &pids)
        .door(&[Level::HsOne, Level::Hs, Level::BadSignature], hs, &pids)
        .door(&[Level::Rs], rs, &pids)
        .door(&[Level::Es], es, &pids)
        .door(&[Level::Ed], ed, &pids))
}
