//! Where clients come in: TLS, HTTP/2, the PROXY protocol, and the way from HTTP to HTTPS.

mod http2;
mod proxy_protocol;
mod tls;

use crate::support::authority::Certified;

/// A listener with TLS on a free port; `more` are further settings of its TLS.
pub(crate) fn https(certificates: &[&Certified], more: &str) -> String {
    let entries: Vec<_> = certificates.iter().map(|one| one.entry()).collect();
    format!(
        "[[listeners]]\naddress = \"127.0.0.1:0\"\n[listeners.tls]\ncertificates = [{}]\n{more}",
        entries.join(", ")
    )
}
