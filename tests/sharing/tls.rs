//! The way to a database on another machine is encrypted, and its certificate is verified.

use crate::support::authority::Authority;
use crate::support::gateway::Setup;
use crate::support::postgres::Postgres;

#[test]
fn a_server_with_a_certificate_of_the_own_authority_is_spoken_to_and_no_other() {
    let (own, strange) = (Authority::new(), Authority::new());
    let server = Postgres::with_tls(&own.certify("db", &["localhost"]));
    let url = server.database().replace("127.0.0.1", "localhost") + "?sslmode=verify-full";
    let by = |authority: &Authority| {
        let file = authority.file();
        Setup::new("").database(&url).env("GATEWAY__STORE__CA_FILE", file.to_str().unwrap())
    };
    let gateway = by(&own).start();
    let ada = gateway.user();
    assert_eq!(gateway.client().get("/api/auth/profile").bearer(&ada.access).send().status, 200);
    let database = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE datname = current_database() AND application_name = 'gateway' AND NOT ssl";
    assert_eq!(server.sql(database, encrypted), "0");
    for (setup, why) in
        [(by(&strange), "an authority that did not sign"), (Setup::new("").database(&url), "none")]
    {
        let failed = setup.try_start().err().expect(why);
        assert!(failed.stderr.contains("certificate"), "{why}: {}", failed.stderr);
    }
    // The name counts, too.
    let by_address = url.replace("localhost", "127.0.0.1");
    let file = own.file();
    let failed = Setup::new("").database(&by_address).env("GATEWAY__STORE__CA_FILE", file.to_str().unwrap());
    assert!(failed.try_start().err().expect("a name of another").stderr.contains("certificate"));
}

#[test]
fn a_server_that_takes_no_tls_gets_no_password() {
    let server = Postgres::shared();
    let url = server.database() + "?sslmode=verify-full";
    let failed = Setup::new("").database(&url).try_start().err().expect("there is no TLS");
    assert!(failed.stderr.contains("TLS") || failed.stderr.contains("tls"), "{}", failed.stderr);
}
