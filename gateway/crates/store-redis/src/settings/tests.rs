//! What is read out of a URL, and what is refused with which words.

use super::*;

fn settings(url: &str) -> RedisSettings {
    RedisSettings::new(SecretString::from(url))
}

#[test]
fn each_kind_of_address_is_understood() {
    for (url, address, database) in [
        ("redis://localhost", "localhost:6379", 0),
        ("redis://:secret@10.0.0.1:6380/3", "10.0.0.1:6380", 3),
        ("redis://[::1]:6380/", "::1:6380", 0),
        ("rediss://user:secret@redis.example.org/1", "redis.example.org:6379", 1),
        ("redis+unix:///run/redis.sock", "/run/redis.sock", 0),
        ("redis+unix:///run/redis.sock?db=2&user=gateway&pass=secret", "/run/redis.sock", 2),
    ] {
        let target = settings(url).target().unwrap_or_else(|fault| panic!("{url}: {fault}"));
        let info = target.client.get_connection_info();
        assert_eq!(target.address, address, "{url}");
        assert_eq!(info.redis_settings().db(), database, "{url}");
        assert!(info.tcp_settings().nodelay(), "{url}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_without_showing_the_password() {
    use RedisSettingsFault as Fault;
    for (url, fault) in [
        ("localhost:6379", Fault::Scheme),
        ("http://:hunter2@localhost", Fault::Scheme),
        ("redis://:hunter2#@localhost", Fault::Unreadable),
        ("redis://", Fault::Host),
        ("redis://:hunter2@localhost/zero", Fault::Database),
        ("redis://:hunter2@localhost/-1", Fault::Database),
        ("redis+unix:///run/redis.sock?db=x", Fault::Database),
        ("rediss://:hunter2@localhost/#insecure", Fault::Fragment),
        ("redis://gateway@localhost", Fault::UserWithoutPassword),
        ("redis://localhost/?timeout=3", Fault::Parameter),
        ("redis+unix:///run/redis.sock?password=hunter2", Fault::Parameter),
        ("redis+unix://", Fault::Socket),
    ] {
        let settings = settings(url);
        assert_eq!(settings.check(), Err(fault), "{url}");
        let said = format!("{:?} {settings:?}", settings.check().map_err(|fault| fault.to_string()));
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_ca_file_must_hold_certificates_and_be_of_use() {
    let with = |url, path: &str| RedisSettings { ca_file: Some(path.into()), ..settings(url) };
    assert_eq!(with("redis://localhost", "/etc/ca.pem").check(), Err(RedisSettingsFault::CaFileWithoutTls));
    let missing = with("rediss://localhost", "/nowhere/ca.pem").check().unwrap_err();
    assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
    let empty = with("rediss://localhost", "/dev/null").check().unwrap_err();
    assert!(empty.to_string().contains("no certificate"), "{empty}");
}

#[test]
fn failing_open_must_be_asked_for_by_name() {
    assert_eq!(settings("redis://localhost").on_failure, OnFailure::Closed);
}
