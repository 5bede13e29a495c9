//! WebDAV: Apache's mod_dav, used by webdavclient3.

use serde_json::{Value, json};

use super::stage::Stage;
use crate::support::apache;
use crate::support::application::Application;
use crate::support::tools::python;

const MODULES: [&str; 5] = ["alias", "autoindex", "dav", "dav_fs", "dir"];

/// The files, by a directive that says where they are.
fn served(place: &str) -> Application {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("files")).unwrap();
    let directives = r#"
DavLockDB "$folder/locks"
$place "$folder/files"
<Directory "$folder/files">
  Dav On
  Options Indexes
</Directory>
"#;
    apache::start(folder, &MODULES, &directives.replace("$place", place))
}

/// What the client found out, but for what it was shown in lists.
fn is_used(stage: &Stage, service: &Application) -> Value {
    stage.refuses_strangers("/dav/");
    let ada = stage.gateway.user();
    let found = stage.client(python("python"), "webdav_client.py", "/dav", &ada.access);
    assert_eq!(found["sent to"], stage.url("/dav/folder/"));
    assert_eq!(found["moved"], "written");
    assert_eq!(found["copied"], "written");
    assert_eq!(found["locked"], "refused while locked, written by the owner of the lock");
    assert_eq!(std::fs::read_dir(service.folder().join("files")).unwrap().count(), 0);
    found
}

#[test]
fn files_are_written_copied_moved_and_locked_over_https() {
    let service = served(r#"Alias "/dav""#);
    let found = is_used(&Stage::before("webdav", service.address), &service);
    assert_eq!(found["listed"], json!(["folder/", "copy [1].txt", "moved & é.txt"]));
}

#[test]
fn the_same_where_the_service_does_not_know_its_prefix() {
    let service = served("DocumentRoot");
    let stripped =
        |example: String| example.replace("path = \"/dav\"", "path = \"/dav\"\nstrip_prefix = true");
    // Its lists have its own paths in them, as bodies are not rewritten.
    is_used(&Stage::changed("webdav", service.address, stripped), &service);
}
