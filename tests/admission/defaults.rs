//! The limits as they are shipped: room for people and their tools, and none for strangers in number.

use serde_json::json;

use super::rate_limits::is_limited;
use crate::support::gateway::Setup;
use crate::support::people::fresh_email;
use crate::support::upstream::Upstream;

/// What a package manager asks for in a moment, or a page of many small files.
#[test]
fn a_user_whose_tool_fetches_two_thousand_files_at_once_gets_them_all() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let ada = gateway.user();
    let refused = (0..2_000).filter(|_| ada.get("/api/todos").status != 200).count();
    assert_eq!(refused, 0);
}

/// Each of them may send a mail to somebody who never asked for it.
#[test]
fn an_address_registers_thirty_in_an_hour_and_then_waits() {
    let gateway = Setup::new("").shipped("GATEWAY__LIMITS__REGISTER_ADDRESS").start();
    let register = |body| gateway.client().post("/api/auth/register").json(&body).send();
    // What is refused is charged as well, and costs no hash.
    let refused = |_| register(json!({ "email": "ada@example.com", "password": "short" })).status;
    assert!((0..30).all(|number| refused(number) == 422));
    is_limited(&gateway.try_register(&fresh_email()), "register-address", 120);
}

/// With a list of addresses and passwords, none of which is tried often.
#[test]
fn an_address_fails_a_hundred_times_and_then_six_seconds_apart() {
    let gateway = Setup::new("").start();
    let guess =
        |number: u32| gateway.try_log_in(&format!("somebody{number}@example.com"), &"x".repeat(1_025));
    // Too long to be hashed, and a failure all the same.
    assert!((0..100).all(|number| guess(number).status == 401));
    let refused = (0..20).map(guess).find(|reply| reply.status == 429).unwrap();
    is_limited(&refused, "login-failure-address", 6);
}

#[test]
fn registering_mails_five_hundred_strangers_in_an_hour_at_most() {
    let limit = "{requests=2,window_seconds=3600}";
    let gateway = Setup::new("").env("GATEWAY__LIMITS__MAIL_UNVERIFIED", limit).start();
    let (first, second, third) = (fresh_email(), fresh_email(), fresh_email());
    gateway.try_register(&first).is_served(201);
    // One that cannot be gives back what it took.
    assert_eq!(gateway.try_register(&first).status, 422);
    gateway.try_register(&second).is_served(201);
    is_limited(&gateway.try_register(&third), "mail-unverified", 1_800);
    assert_eq!(
        gateway.try_log_in(&third, crate::support::people::PASSWORD).status,
        401,
        "there is no account"
    );
    // Who has an account is written to all the same.
    gateway.reset_token(&first);
    gateway.all_is_delivered();
    assert!(gateway.letters("email_verification", &third).is_empty());
}

#[test]
fn where_no_mail_is_sent_their_bound_bounds_nobody() {
    let limit = "{requests=1,window_seconds=3600}";
    let setup = Setup::new("[registration]\nemail_verification = \"off\"\n");
    let gateway = setup.env("GATEWAY__LIMITS__MAIL_UNVERIFIED", limit).start();
    for _ in 0..3 {
        gateway.try_register(&fresh_email()).is_served(201);
    }
}

#[test]
fn the_largest_body_is_one_setting_for_all_routes_and_each_can_have_its_own() {
    let upstream = Upstream::start();
    let setup = |most: u32| {
        Setup::before(upstream.address)
            .route("more", "/more", "todo", "auth = \"public\"\nbody_bytes_max = 2000")
            .route("bodiless", "/none", "todo", "auth = \"public\"\nbody_bytes_max = 0")
            .route("usual", "/usual", "todo", "auth = \"public\"")
            .config(&format!("[limits]\nbody_bytes_max = {most}"))
    };
    let gateway = setup(1_000).start();
    let put = |path: &str, bytes: usize| gateway.client().put(path).body(vec![b'x'; bytes]).send().status;
    for (path, most) in [("/usual", 1_000), ("/more", 2_000), ("/none", 0)] {
        assert_eq!((put(path, most), put(path, most + 1)), (200, 413), "{path}");
    }
    assert_eq!(gateway.client().get("/none").send().status, 200);
    assert!(gateway.reload(&setup(1_500)));
    assert_eq!((put("/usual", 1_500), put("/usual", 1_501)), (200, 413));
    // Ours has its own, whatever services take.
    let login = |bytes: usize| {
        let body = json!({ "email": "ada@example.com", "password": "x".repeat(bytes) });
        gateway.client().post("/api/auth/login").json(&body).send().status
    };
    assert_eq!((login(3_000), login(64 * 1_024)), (401, 413));
    let (status, said) = crate::support::command::check("[limits]\nbody_bytes_max = 0\n");
    assert!(status == 78 && said.contains("limits.body_bytes_max = 0: every request with a body"), "{said}");
}
