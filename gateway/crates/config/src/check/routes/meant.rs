//! What was probably meant by a path that is written as other programs write it.

use gateway_pipeline::PathPattern;

/// `; did you mean …?` for a path that could be written here; nothing where that is not clear.
pub(super) fn meant(text: &str) -> String {
    match ours(text).filter(|path| path != text && PathPattern::prefix(path).is_ok()) {
        Some(path) => format!("; did you mean `{path}`?"),
        None => String::new(),
    }
}

fn ours(text: &str) -> Option<String> {
    // What stands around the path in nginx and Traefik.
    let quoted = text.split_once('`').and_then(|(_, rest)| rest.split_once('`')).map(|(path, _)| path);
    let text = quoted.unwrap_or(text).trim_start_matches(['^', '~', '=', '*', ' ', '(']);
    let text = text.strip_suffix('$').unwrap_or(text);
    // All that lies below a path is covered already.
    let below = ["/(.*)", "/.*", "/.+", "/**", "/*", "(.*)", ".*", "*"].iter();
    let text = below.clone().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    let path = text.trim_start_matches('/').split('/').map(segment).collect::<Option<Vec<_>>>()?;
    Some(format!("/{}", path.join("/")))
}

/// A segment as it is written here, if its parameter has a name.
fn segment(text: &str) -> Option<String> {
    let bracketed = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let inside = if let Some(inside) = bracketed('{', '}') {
        inside.split(':').next()?
    } else if let Some(inside) = bracketed('<', '>') {
        inside.rsplit(':').next()?
    } else if let Some(inside) = bracketed('[', ']') {
        inside
    } else if let Some(name) = text.strip_prefix(':') {
        name
    } else {
        return Some(text.to_owned());
    };
    let name = inside.trim_matches(['.', '*', '?', '+']);
    Some(format!("{{{name}}}"))
}
