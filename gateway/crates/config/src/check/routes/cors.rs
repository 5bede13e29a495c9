//! Policies towards pages of other origins.

use http::header::{HeaderName, HeaderValue};
use http::{Method, Uri};

use crate::check::Checker;
use crate::file::CorsEntry;
use gateway_pipeline::{Cors, Origins};

impl Checker<'_> {
    pub(in crate::check) fn cors(&mut self, place: &str, entry: &CorsEntry) -> Option<Cors> {
        let any = entry.origins.iter().any(|origin| origin == "*");
        if entry.origins.is_empty() {
            self.fault(format!("{place}: origins is empty: name the origins whose pages may call"));
        }
        if any && entry.credentials {
            self.fault(format!(
                "{place}: credentials = true and origins = [\"*\"] would let every page on the web act for a user; name the origins"
            ));
        }
        for origin in entry.origins.iter().filter(|origin| *origin != "*" && !is_origin(origin)) {
            self.fault(format!(
                "{place}: \"{origin}\" is no origin; name each origin, for example \"https://app.example.com\", without a path and without a star in it"
            ));
        }
        for method in entry.methods.iter().filter(|method| Method::from_bytes(method.as_bytes()).is_err()) {
            self.fault(format!("{place}: \"{method}\" is no method"));
        }
        let names = entry.headers.iter().chain(&entry.expose);
        for name in names.filter(|name| HeaderName::try_from(name.as_str()).is_err()) {
            self.fault(format!("{place}: \"{name}\" is no header name"));
        }
        if entry.max_age_seconds > 86_400 {
            self.fault(format!("{place}: max_age_seconds = {}: at most 86400", entry.max_age_seconds));
        }
        let value = |text: String| HeaderValue::try_from(text).ok();
        Some(Cors {
            origins: if any {
                Origins::Any
            } else {
                Origins::These(entry.origins.iter().filter_map(|origin| value(origin.clone())).collect())
            },
            credentials: entry.credentials,
            allow_methods: value(entry.methods.join(", "))?,
            allow_headers: value(entry.headers.join(", "))?,
            expose_headers: if entry.expose.is_empty() { None } else { value(entry.expose.join(", ")) },
            max_age: HeaderValue::from(entry.max_age_seconds),
        })
    }
}

/// RFC 6454 §6.2, as browsers write it.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/") && !text.ends_with('/');
    let whole = !text.contains('*');
    known && whole && bare && uri.host().is_some() && text == text.to_ascii_lowercase() && !text.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        for right in ["https://app.example.com", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(is_origin(right), "{right}");
        }
        for wrong in [
            "",
            "app.example.com",
            "https://",
            "https://a/",
            "https://a/b",
            "https://A",
            "ftp://a",
            "null",
            "https://u@a",
            "https://*.example.com",
        ] {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }
}
