//! What was probably meant by the address of a server that is none.

use std::net::Ipv6Addr;

use super::target;

/// The end of a complaint; nothing where nobody can tell.
pub(super) fn meant(address: &str) -> String {
    let without_scheme = || {
        let (scheme, rest) = address.split_once("://")?;
        let authority = rest.split('/').next()?;
        let port = if scheme == "https" { 443 } else { 80 };
        let with_port = || Some(format!("{authority}:{port}")).filter(|whole| target(whole).is_some());
        Some(authority).filter(|whole| target(whole).is_some()).map(str::to_owned).or_else(with_port)
    };
    let with_host = || address.strip_prefix(':').map(|port| format!("127.0.0.1:{port}"));
    let in_brackets = || {
        let (host, port) = address.rsplit_once(':')?;
        host.parse::<Ipv6Addr>().ok().map(|host| format!("[{host}]:{port}"))
    };
    let found =
        without_scheme().or_else(with_host).or_else(in_brackets).filter(|meant| target(meant).is_some());
    let scheme = if address.starts_with("https://") { " with [upstreams.tls]" } else { "" };
    found.map(|meant| format!("; did you mean \"{meant}\"{scheme}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_as_others_write_it_is_understood() {
        for (written, right) in [
            ("http://127.0.0.1:3000", "; did you mean \"127.0.0.1:3000\"?"),
            ("http://app/", "; did you mean \"app:80\"?"),
            ("https://app.internal", "; did you mean \"app.internal:443\" with [upstreams.tls]?"),
            (":3000", "; did you mean \"127.0.0.1:3000\"?"),
            ("fd00::2:80", "; did you mean \"[fd00::2]:80\"?"),
            ("a b", ""),
            (":", ""),
            ("://", ""),
        ] {
            assert_eq!(meant(written), right, "{written}");
        }
    }
}
