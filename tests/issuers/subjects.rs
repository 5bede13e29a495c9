//! Subjects that a service behind the gateway could read as the number of one of our accounts.

use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{before, get};
use crate::support::forge::with;
use crate::support::gateway::{ACCESS_KEY, Gateway, REFRESH_KEY, run};
use crate::support::upstream::Upstream;

/// An issuer, and a gateway that knows it by these further lines.
struct Known {
    issuer: HandMade,
    upstream: Upstream,
    gateway: Gateway,
}

impl Known {
    fn by(more: &str) -> Self {
        let (issuer, upstream) = (HandMade::start(), Upstream::start());
        let gateway = before(&upstream, &[issuer.entry("other", more)]).unlimited().start();
        Self { issuer, upstream, gateway }
    }

    fn token(&self, claim: &str, subject: &Value) -> String {
        self.issuer.token(&with(self.issuer.claims("somebody"), claim, subject.clone()))
    }

    fn passes(&self, claim: &str, subject: Value, as_user: &str) {
        self.upstream.forget();
        let reply = get(&self.gateway.client(), "/app", &self.token(claim, &subject));
        assert_eq!(reply.status, 200, "{subject}: {}", reply.text());
        assert_eq!(self.upstream.only().one("x-user-id"), as_user);
    }

    fn is_refused(&self, claim: &str, subject: Value) {
        self.upstream.forget();
        let reply = get(&self.gateway.client(), "/app", &self.token(claim, &subject));
        assert_eq!(reply.status, 401, "{subject}");
        reply.is_refused(401, "Invalid or expired token", "token_invalid");
        assert!(self.upstream.arrived().is_empty());
    }
}

/// What `int()`, `Atoi`, `parseLong`, `Number()`, `(int)` or their like take for a number.
const NUMBERS: [&str; 46] = [
    "7",
    "0",
    "07",
    "00000007",
    "+7",
    "-7",
    "+07",
    "7+",
    "7.0",
    "7.",
    ".7",
    "+.7",
    "7e0",
    "70E-1",
    "1E+5",
    "0x7",
    "0X07",
    "+0x7",
    "0x1p3",
    "0x7.8",
    "#7",
    "0b111",
    "0B111",
    "0o7",
    "0O7",
    "1_000",
    "0x_7",
    "1,000",
    "7;",
    "7 ;",
    "7,",
    " 7",
    "7 ",
    "\t7",
    "7\n",
    "\u{a0}7",
    "7\u{200b}",
    "٧",
    "７",
    "𝟟",
    "7f",
    "7.0d",
    "9007199254740991",
    "12345678901234567890",
    "110169484474386276334",
    "000000000000000000000000007",
];

#[test]
fn a_subject_that_is_a_number_for_some_service_is_refused() {
    let known = Known::by("");
    for number in NUMBERS {
        known.is_refused("sub", json!(number));
    }
    for number in [json!(7), json!(7.0), json!(0), json!(-7)] {
        known.is_refused("sub", number);
    }
    known.gateway.says("subject_prefix");
    let told = known.gateway.log().matches("could be read as the number of an account").count();
    assert_eq!(told, 1, "once, and not for each token");
}

#[test]
fn a_subject_that_only_begins_with_digits_passes_where_its_issuer_makes_it() {
    let known = Known::by("");
    for subject in [
        "7abc",
        "7-ada",
        "auth0|7",
        // Keycloak's are UUIDs.
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "00000007-0000-4000-8000-000000000000",
        "12345678-1234-1234-1234-123456789012",
        "1e500000-4f89-41d3-9a0c-0305e82c3301",
        // MongoDB's are 24 hexadecimal digits.
        "507f1f77bcf86cd799439011",
        "507f191e810c19729de860ea",
        "5071277898617457e9943911",
        "7.0.1",
        "1e",
        "e5",
        "0x",
        "0x7g",
        "0b12",
        "Infinity",
        "NaN",
        ".",
        "+",
    ] {
        known.passes("sub", json!(subject), subject);
    }
}

#[test]
fn a_subject_that_people_choose_may_not_even_begin_like_a_number() {
    for claim in ["preferred_username", "profile.nickname", "https://app.example.com/loginName", "email"] {
        let known = Known::by(&format!("subject_claim = \"{claim}\""));
        let claim = claim.split('.').next().filter(|first| *first == "profile").unwrap_or(claim);
        let value = |text: &str| if claim == "profile" { json!({ "nickname": text }) } else { json!(text) };
        for chosen in ["7", "07", "7abc", "+7abc", ".7abc", "#7abc", "7@example.org", "0xada"] {
            known.is_refused(claim, value(chosen));
        }
        for chosen in ["ada", "ada7", "-ada", "u7@example.org"] {
            known.passes(claim, value(chosen), chosen);
        }
    }
}

#[test]
fn a_prefix_tells_every_subject_apart() {
    let known = Known::by("subject_prefix = \"other:\"");
    for subject in [json!("7"), json!(7), json!("07"), json!("110169484474386276334")] {
        let text = subject.as_str().map_or_else(|| subject.to_string(), str::to_owned);
        known.passes("sub", subject, &format!("other:{text}"));
    }
    let known = Known::by("subject_claim = \"preferred_username\"\nsubject_prefix = \"other:\"");
    known.passes("preferred_username", json!("7abc"), "other:7abc");
    // One that is digits itself does not.
    let known = Known::by("subject_prefix = \"00\"");
    known.is_refused("sub", json!("7"));
    let known = Known::by("danger_numeric_subjects = true");
    known.passes("sub", json!("7"), "7");
}

#[test]
fn the_explanation_says_that_a_subject_is_a_number_and_advises_a_prefix() {
    let known = Known::by("");
    let token = known.token("sub", &json!("07"));
    let config = known.gateway.config().to_str().unwrap();
    let keys = [("JWT_SECRET_KEY", ACCESS_KEY), ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY)];
    let (status, said, _) = run(&["explain", "--config", config, "GET", "/app", "--token", &token], &keys);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("could be read as the number of an account"), "{said}");
    assert!(said.contains("subject_prefix = \"other:\""), "{said}");
}

#[test]
fn a_check_advises_a_prefix_where_people_choose_and_warns_of_one_that_is_none() {
    let said = |more: &str| {
        let known = Known::by(more);
        let (status, _, said) = known.gateway.run(&["check"]);
        assert_eq!(status, 0, "{said}");
        said
    };
    let chosen = said("subject_claim = \"preferred_username\"");
    assert!(chosen.contains("subject_claim = \"preferred_username\" is chosen by people"), "{chosen}");
    assert!(chosen.contains("subject_prefix = \"other:\""), "{chosen}");
    let digits = said("subject_prefix = \"7-\"");
    assert!(digits.contains("subject_prefix = \"7-\" begins like a number"), "{digits}");
    for fine in ["", "subject_claim = \"preferred_username\"\nsubject_prefix = \"other:\""] {
        assert!(!said(fine).contains("subject_"), "{fine}");
    }
}
