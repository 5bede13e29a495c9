//! The document: what it says of the router, how it is served, and its copy among the docs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{alone, document, operations};
use crate::support::project;

/// A path with ids that are nobody's.
fn concrete(path: &str) -> String {
    let path = path.replace("{file}", "swagger-ui.css").replace("{path}", "x");
    path.replace("{id}", "77").replace("{sid}", "0b0e5b0e-0000-4000-8000-000000000000")
}

#[test]
fn each_documented_endpoint_is_there_with_the_methods_that_are_documented() {
    let gateway = alone().start();
    let admin = gateway.admin();
    let document = document(&gateway);
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let client = admin.client.request(&method.to_uppercase(), &concrete(path));
            let reply = client.bearer(&admin.access).send();
            let missing = reply.status == 405 || (reply.status == 404 && reply.code() == "not_found");
            assert!(!missing, "{method} {path}: {} {}", reply.status, reply.text());
            assert!(reply.status < 500, "{method} {path}: {}", reply.text());
        }
        let other = admin.client.request("PURGE", &concrete(path)).send();
        // Any method of the asking proxy is answered.
        if path.starts_with("/api/auth/verify") {
            assert_eq!(other.code(), "untrusted_proxy");
            continue;
        }
        assert_eq!(other.code(), "method_not_allowed", "{path}");
        let allowed: BTreeSet<_> =
            other.header("allow").split(',').map(|one| one.trim().to_owned()).collect();
        let documented = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
        let mut documented: BTreeSet<_> = documented.collect();
        if documented.contains("GET") {
            documented.insert("HEAD".to_owned());
        }
        assert_eq!(documented, allowed, "{path}");
    }
}

#[test]
fn each_routed_endpoint_is_documented() {
    let source = std::fs::read_to_string(project().join("gateway/crates/api/src/lib.rs")).unwrap();
    let (public, rest) = source.split_once("// Not there for requests from the network.").unwrap();
    // What is routed with its description is in the document; what is not is there under another form.
    let routes = |text: &str| -> BTreeSet<String> {
        let named = text.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap().to_owned());
        named.map(|path| path.trim_end_matches('/').replace("{*", "{")).collect()
    };
    let document = gateway_api::document();
    let documented: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let apart = routes(public);
    assert!(apart.is_subset(&documented) && apart.contains("/api/auth/verify"), "{apart:?}");
    let (operators, nested) = rest.split_once("Router::from(endpoints)").unwrap();
    assert!(routes(operators).contains("/users") && nested.contains(".nest(\"/operator\", operators)"));
    assert_eq!(routes(nested), BTreeSet::new());
    assert_eq!(documented.len(), public.matches("routes!(").count() + 2, "{documented:?}");
}

#[test]
fn nothing_in_the_document_points_nowhere_and_each_operation_has_a_name_of_its_own() {
    let document = gateway_api::document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut left = vec![&document];
    while let Some(part) = left.pop() {
        if let Some(Value::String(to)) = part.get("$ref") {
            assert!(document.pointer(&to[1..]).is_some(), "{to} is not there");
        }
        match part {
            Value::Object(members) => left.extend(members.values()),
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
    let items = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    let ids: Vec<_> = items.map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    assert_eq!(ids.len(), operations(&document).len());
}

#[test]
fn an_operation_is_called_by_what_it_does_in_the_words_of_the_field() {
    let document = gateway_api::document();
    let items = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    for (_, operation) in items {
        let summary = operation["summary"].as_str().unwrap();
        let verb = summary.split(' ').next().unwrap();
        let known = [
            "Authorize",
            "Change",
            "Create",
            "Delete",
            "End",
            "Export",
            "Get",
            "List",
            "Log",
            "Refresh",
            "Register",
            "Request",
            "Reset",
            "Revoke",
            "Send",
            "Update",
            "Verify",
        ];
        assert!(known.contains(&verb), "{summary}");
        assert!(summary.len() <= 48 && !summary.ends_with('.'), "{summary} is no name");
    }
}

#[test]
fn what_is_open_to_anybody_says_that_it_asks_for_no_token() {
    let document = gateway_api::document();
    let security = |method: &str, path: &str| document["paths"][path][method]["security"].clone();
    assert_eq!(security("post", "/api/auth/login"), serde_json::json!([]));
    assert_eq!(security("get", "/.well-known/jwks.json"), serde_json::json!([]));
    assert_eq!(security("get", "/api/auth/profile")[0], serde_json::json!({"bearer": []}));
}

#[test]
fn each_code_of_the_list_is_one_that_the_document_knows() {
    let document = gateway_api::document();
    let known = document["components"]["schemas"]["RefusalCode"]["enum"].as_array().unwrap();
    let words: Vec<_> = gateway_problem::Code::ALL.iter().map(|code| Value::from(code.as_str())).collect();
    assert_eq!(*known, words);
}

#[test]
fn an_example_of_a_refusal_is_what_is_really_answered() {
    let gateway = alone().start();
    let reply = gateway.client().get("/api/auth/profile").send();
    let mut answered = reply.json();
    let document = document(&gateway);
    let refusal = document["paths"]["/api/auth/profile"]["get"]["responses"]["401"]["$ref"].as_str().unwrap();
    let example = &document.pointer(&refusal[1..]).unwrap()["content"]["application/json"]["examples"];
    let example = &example["token_missing"]["value"];
    answered["request_id"] = example["request_id"].clone();
    assert_eq!(answered, *example);
}

#[test]
fn who_has_the_document_is_not_sent_it_again() {
    let gateway = alone().start();
    let client = gateway.client();
    let first = client.get("/api/auth/openapi.json").send();
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("cache-control"), "no-store");
    let tag = first.header("etag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = client.get("/api/auth/openapi.json").header("if-none-match", &known).send();
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), tag);
        assert_eq!(again.header("cache-control"), "no-store");
        // The connection is good for another request.
        assert_eq!(client.get("/api/auth/profile").send().status, 401);
    }
    let other = client.get("/api/auth/openapi.json").header("if-none-match", "\"other\"").send();
    assert_eq!(other.status, 200);
    let head = client.request("HEAD", "/api/auth/openapi.json").send();
    assert_eq!((head.status, head.header("content-length")), (200, first.header("content-length")));
}

#[test]
fn where_the_docs_are_off_there_are_none() {
    let gateway = alone().env("GATEWAY__API__DOCS", "false").start();
    for path in ["openapi.json", "docs", "docs/", "docs/swagger-ui.css", "docs/start.js"] {
        gateway.client().get(&format!("/api/auth/{path}")).send().is_refused(404, "Not found", "not_found");
    }
    assert_eq!(gateway.client().get("/api/auth/profile").send().status, 401);
}

#[test]
fn the_copy_among_the_docs_is_the_documents_own() {
    let path = project().join("docs/openapi.json");
    let wanted = format!("{:#}\n", gateway_api::document());
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == wanted, "docs/openapi.json is not what the code says; WRITE_DOCS=1 writes it");
}
