//! `GET /api/auth/docs`: Swagger UI over the document of the endpoints. Its files are in the binary;
//! nothing comes from another host, and nothing but these files may run.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::HeaderName;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};

use super::openapi::refusals::refusals;
use gateway_problem::{Code, Problem};

/// Styles are set by scripts, not by attributes of the page; the pictures are in the style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE: &str = include_str!("../assets/docs.html");
const FILES: [(&str, &str, &[u8]); 3] = [
    ("start.js", "text/javascript; charset=utf-8", include_bytes!("../assets/docs.js")),
    (
        "swagger-ui-bundle.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js"),
    ),
    ("swagger-ui.css", "text/css; charset=utf-8", include_bytes!("../assets/swagger-ui/swagger-ui.css")),
];

refusals!(PageRefusals:);

#[utoipa::path(
    get,
    path = "/api/auth/docs",
    tag = "integration",
    operation_id = "readDocs",
    summary = "Get this document as a page",
    description = "For trying it out. Where `api.docs` is off: 404.",
    responses((status = 200, description = "A page.", content_type = "text/html", body = String), PageRefusals)
)]
pub(super) async fn page() -> Response {
    answer("text/html; charset=utf-8", PAGE.as_bytes())
}

refusals!(FileRefusals:; NotFound);

#[utoipa::path(
    get,
    path = "/api/auth/docs/{file}",
    tag = "integration",
    operation_id = "readDocsFile",
    summary = "Get a file of that page",
    description = "Its scripts and its style sheet.",
    params(("file" = String, Path, pattern = "^[a-z-]+[.](js|css)$", example = "swagger-ui.css")),
    responses(
        (status = 200, description = "A script or a style sheet.", content(
            (String = "text/javascript"),
            (String = "text/css"),
        )),
        FileRefusals,
    )
)]
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = FILES.iter().find(|(one, ..)| *one == name);
    let (_, kind, bytes) = found.ok_or(Problem::new(Code::NotFound))?;
    Ok(answer(kind, bytes))
}

fn answer(kind: &'static str, bytes: &'static [u8]) -> Response {
    let fields: [(HeaderName, &str); 3] =
        [(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, "no-referrer")];
    (fields, bytes).into_response()
}
