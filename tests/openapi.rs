//! The endpoints as a document: it says what is there, as it is, and a browser can try it out.

mod document;
mod lint;
mod page;
mod schemathesis;

use serde_json::Value;

use crate::support::gateway::{Gateway, Setup};

fn document(gateway: &Gateway) -> Value {
    let reply = gateway.client().get("/api/auth/openapi.json").send();
    assert_eq!(reply.status, 200);
    reply.json()
}

/// `GET /api/auth/profile`, and all the others.
fn operations(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

fn alone() -> Setup {
    Setup::new("").unlimited()
}
