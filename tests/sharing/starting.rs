//! How gateways come to a database: one of several that start at once makes what there must be one of, and
//! what would part them is refused.

use crate::support::gateway::{Failed, Setup};
use crate::support::postgres::Postgres;

#[test]
fn of_three_that_start_at_once_on_an_empty_database_all_run_with_one_administrator() {
    let server = Postgres::shared();
    for _ in 0..20 {
        let url = server.database();
        let gateways: Vec<_> = std::thread::scope(|scope| {
            let starting: Vec<_> =
                (0..3).map(|_| scope.spawn(|| Setup::new("").database(&url).start())).collect();
            starting.into_iter().map(|gateway| gateway.join().unwrap()).collect()
        });
        for gateway in &gateways {
            assert_eq!(gateway.ready().status, 200, "{}", gateway.log());
        }
        let admin = gateways[0].admin();
        let reply = admin.get("/api/auth/users");
        assert_eq!(reply.json()["pagination"]["total"], 1, "{}", reply.text());
        let database = url.rsplit('/').next().unwrap();
        assert_eq!(
            server.sql(database, "SELECT count(*) FROM gateway.meta WHERE name = 'installation'"),
            "1"
        );
    }
}

fn refused(setup: Setup) -> Failed {
    setup.try_start().err().expect("it is refused")
}

#[test]
fn a_database_without_common_secrets_is_refused() {
    let server = Postgres::shared();
    let url = server.database();
    for missing in ["JWT_SECRET_KEY", "JWT_REFRESH_SECRET_KEY"] {
        let failed = refused(Setup::new("").database(&url).shipped(missing));
        assert_eq!(failed.status.code(), Some(78), "{}", failed.stderr);
        assert!(
            failed.stderr.contains("store.url needs JWT_SECRET_KEY and JWT_REFRESH_SECRET_KEY"),
            "{}",
            failed.stderr
        );
    }
    let failed = refused(Setup::new("[tokens]\nalgorithm = \"ES256\"").database(&url));
    assert!(failed.stderr.contains("needs tokens.keys_path"), "{}", failed.stderr);
}

#[test]
fn a_url_that_is_unsafe_or_wrong_is_refused_and_not_shown() {
    for (url, says) in [
        ("mysql://u:CANARY-db-password@h/d", "must begin with postgres://"),
        ("postgres://u:CANARY-db-password@h.example/d?sslmode=prefer", "sslmode=prefer leaves it to"),
        ("postgres://u:CANARY-db-password@h.example", "names no database"),
        ("postgres://u:CANARY-db-password@127.0.0.1:1/d", "the database cannot be used"),
    ] {
        let failed = refused(Setup::new("").database(url));
        assert!(failed.stderr.contains(says), "{url}: {}", failed.stderr);
        assert!(!failed.stderr.contains("CANARY-db-password"), "{}", failed.stderr);
    }
}

#[test]
fn a_wrong_password_is_told_in_the_words_of_the_server() {
    let server = Postgres::shared();
    let url = server.database().replace("tests-only", "CANARY-wrong");
    let failed = refused(Setup::new("").database(&url));
    assert!(failed.stderr.contains("password authentication failed"), "{}", failed.stderr);
    assert!(!failed.stderr.contains("CANARY-wrong"), "{}", failed.stderr);
}

#[test]
fn redis_beside_a_database_is_refused() {
    let url = "postgres://u:p@127.0.0.1:1/d";
    let failed = refused(Setup::new("").database(url).redis("redis://127.0.0.1:1"));
    assert!(failed.stderr.contains("store.url and redis.url are both set"), "{}", failed.stderr);
}

#[test]
fn a_second_gateway_in_the_same_folder_is_refused() {
    let (server, folder) = (Postgres::shared(), tempfile::tempdir().unwrap());
    let url = server.database();
    let setup = || Setup::new("").database(&url).data(folder.path());
    let first = setup().start();
    let failed = refused(setup());
    assert!(failed.stderr.contains("another gateway runs there"), "{}", failed.stderr);
    drop(first);
    setup().start();
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_one_that_it_keeps_compatible_is_not() {
    let server = Postgres::shared();
    let url = server.database();
    drop(Setup::new("").database(&url).start());
    let database = url.rsplit('/').next().unwrap();
    server.sql(database, "UPDATE gateway.schema_version SET version = 7");
    drop(Setup::new("").database(&url).start());
    server.sql(database, "UPDATE gateway.schema_version SET compatible_with = 7");
    let failed = refused(Setup::new("").database(&url));
    assert!(failed.stderr.contains("was made by a newer version (its schema is 7"), "{}", failed.stderr);
}

#[test]
fn whoever_shares_the_secrets_and_not_the_database_accepts_no_token() {
    let server = Postgres::shared();
    let (here, there) = (
        Setup::new("").database(&server.database()).start(),
        Setup::new("").database(&server.database()).start(),
    );
    let ada = here.user();
    let same_id = there.user();
    assert_eq!(ada.id, same_id.id);
    let profile = |gateway: &crate::support::gateway::Gateway, token: &str| {
        gateway.client().get("/api/auth/profile").bearer(token).send().status
    };
    assert_eq!((profile(&here, &ada.access), profile(&there, &ada.access)), (200, 401));
}

/// The database is replaced by an empty one, as after a restore that went wrong.
#[test]
fn a_token_of_a_database_that_was_replaced_opens_nothing() {
    let server = Postgres::shared();
    let folder = tempfile::tempdir().unwrap();
    let before = Setup::new("").database(&server.database()).data(folder.path()).start();
    let ada = before.user();
    drop(before);
    let after = Setup::new("").database(&server.database()).data(folder.path()).start();
    let other = after.user();
    assert_eq!(ada.id, other.id);
    assert_eq!(after.client().get("/api/auth/profile").bearer(&ada.access).send().status, 401);
}
