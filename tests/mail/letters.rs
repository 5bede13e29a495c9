//! What each letter says, and what it cannot be made to say.

use gateway_notify::{NotSent, Replacement};
use proptest::prelude::*;

use super::*;

#[test]
fn each_kind_of_letter_has_a_word_and_both_forms() {
    let templates = templates(wording());
    let written: Vec<_> =
        letters("Ada").iter().map(|letter| templates.render(letter, ada()).unwrap()).collect();
    let kinds: Vec<_> = written.iter().map(Mail::kind).collect();
    assert_eq!(kinds, Notification::KINDS);
    for mail in &written {
        assert!(mail.subject().contains("Example"), "{}", mail.subject());
        assert!(mail.text().contains("Example"), "{}", mail.text());
        assert!(mail.html().contains("<strong>Example</strong>"), "{}", mail.html());
        assert!(mail.html().contains(&format!("<title>{}</title>", mail.subject())), "{}", mail.html());
        assert!(mail.message_id().ends_with("@example.com"), "{}", mail.message_id());
        assert!(!mail.text().contains("\n\n\n"), "{}", mail.text());
        assert!(!mail.text().contains("none"), "{}", mail.text());
    }
}

#[test]
fn a_letter_shows_its_link_or_its_token_and_how_to_send_it() {
    let [plain, linked] = [wording(), with_links()].map(templates);
    let tokens = [
        (0, "POST /api/auth/password/reset", "https://app.example.com/reset?token="),
        (2, "POST /api/auth/email/verify", "https://app.example.com/verify?from=mail&token="),
        (3, "POST /api/auth/register", "https://app.example.com/join#token="),
    ];
    for (index, request, link) in tokens {
        let letter = &letters("Ada")[index];
        let mail = plain.render(letter, ada()).unwrap();
        assert!(mail.text().contains(&format!("\n{TOKEN}\n")), "{}", mail.text());
        assert!(mail.html().contains(&format!("<code>{TOKEN}</code>")), "{}", mail.html());
        for form in [mail.text(), mail.html()] {
            assert!(form.contains(request), "{form}");
            assert!(!form.contains("https://"), "{form}");
        }
        let mail = linked.render(letter, ada()).unwrap();
        assert!(mail.text().contains(&format!("\n{link}{TOKEN}\n")), "{}", mail.text());
        assert!(mail.html().contains("<a href=\"https:"), "{}", mail.html());
        assert!(!mail.text().contains(request), "{}", mail.text());
    }
}

#[test]
fn a_letter_to_somebody_without_a_name_greets_nobody() {
    let templates = templates(wording());
    let mail = templates.render(&letters("")[0], ada()).unwrap();
    assert!(mail.text().starts_with("Hello,\n\nsomebody"), "{}", mail.text());
    let mail = templates.render(&letters("Ada")[0], ada()).unwrap();
    assert!(mail.text().starts_with("Hello Ada,\n\nsomebody"), "{}", mail.text());
    assert!(mail.html().contains("<p>Hello Ada,</p>"), "{}", mail.html());
}

#[test]
fn a_name_is_shown_and_does_nothing() {
    let templates = templates(with_links());
    let name = "</p><img src=x>\r\nBcc: all@example.org\r\n\r\nwin at http://evil.example/?a=1&b";
    for letter in letters(name) {
        let mail = templates.render(&letter, ada()).unwrap();
        assert!(!mail.subject().contains(['\r', '\n']), "{:?}", mail.subject());
        for wrong in ["<img", "Bcc:", "http://evil", "evil.example", "all@example.org"] {
            assert!(!mail.text().contains(wrong), "{wrong}: {}", mail.text());
            assert!(!mail.html().contains(wrong), "{wrong}: {}", mail.html());
        }
    }
    // Whoever invites may be known by an address.
    let mail = templates.render(&letters("admin@example.org")[3], ada()).unwrap();
    assert!(mail.text().contains("admin@example.org invites you to Example, as an administrator."));
}

#[test]
fn what_is_no_markup_is_escaped_in_html_and_left_as_it_is_in_text() {
    let product = "Tom & \"Jerry's\"".to_owned();
    let mail = templates(Wording { product, ..with_links() }).render(&letters("O'Neil")[2], ada()).unwrap();
    assert!(mail.subject().contains("(Tom & \"Jerry's\")"), "{}", mail.subject());
    assert!(mail.text().contains("Hello O'Neil,"), "{}", mail.text());
    assert!(mail.html().contains("<strong>Tom &amp; &quot;Jerry&#x27;s&quot;</strong>"), "{}", mail.html());
    assert!(mail.html().contains("from=mail&amp;token="), "{}", mail.html());
}

#[test]
fn neither_a_letter_nor_a_mail_shows_its_secret_when_it_is_logged() {
    for letter in letters("Ada Lovelace") {
        let mail = templates(wording()).render(&letter, ada()).unwrap();
        for shown in [format!("{letter:?}"), format!("{mail:?}")] {
            assert!(!shown.contains("CANARY"), "{shown}");
            assert!(!shown.contains("Ada") && !shown.contains("ada@"), "{shown}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_of_people_becomes_a_header_or_mark_up(name in any::<String>(), tail in "(\r|\n|<|>|:|\u{2028}|[a-z]){0,40}") {
        let templates = templates(wording());
        // The mark-up of a mail whose fields are all harmless.
        let tags = |html: &str| html.matches(['<', '>']).count();
        for (letter, harmless) in letters(&format!("{name}{tail}")).iter().zip(letters("Ada")) {
            let mail = templates.render(letter, ada()).unwrap();
            let model = templates.render(&harmless, ada()).unwrap();
            prop_assert_eq!(mail.subject(), model.subject());
            prop_assert_eq!(tags(mail.html()), tags(model.html()));
            prop_assert_eq!(mail.text().lines().count(), model.text().lines().count());
        }
    }
}

/// The faults of templates with `source` in place of the one of this name.
fn faults(name: &'static str, source: &str) -> Vec<String> {
    let place = format!("/etc/gateway/mail/{name}");
    let replacement = Replacement { name, place, source: source.to_owned() };
    Templates::new(wording(), vec![replacement]).err().unwrap_or_default()
}

#[test]
fn a_template_of_the_operators_takes_the_place_of_the_built_in_one() {
    let source = "Subject: Hi {{ name }}\n\nUse {{ token }} within {{ minutes }} min at {{ product }}.";
    let replacements = vec![
        Replacement { name: "password_reset.txt", place: String::new(), source: source.to_owned() },
        Replacement {
            name: "layout.html",
            place: String::new(),
            source: "<main>{% block body %}{% endblock %}</main>".to_owned(),
        },
    ];
    let templates = Templates::new(wording(), replacements).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mail = templates.render(&letters("Ada")[0], ada()).unwrap();
    assert_eq!(mail.subject(), "Hi Ada");
    assert_eq!(mail.text(), format!("Use {TOKEN} within 30 min at Example.\n"));
    // One layout is all that a house style needs.
    assert!(mail.html().starts_with("<main>") && mail.html().contains("Hello Ada"), "{}", mail.html());
    let other = templates.render(&letters("Ada")[4], ada()).unwrap();
    assert!(other.html().starts_with("<main>"), "{}", other.html());
}

#[test]
fn a_bad_template_is_a_fault_with_its_place_and_its_mend() {
    let good = "Subject: x\n\n{{ token }}";
    assert_eq!(faults("password_reset.txt", good), [""; 0]);
    for (name, source, words) in [
        ("password_reset.txt", "Subject: x\n\n{{ nam }} {{ token }}", &["line 3", "`nam`", "name"][..]),
        ("password_reset.txt", "Subject: x\n\n{{ token ", &["line 3", "syntax error"]),
        ("password_reset.txt", "{{ token }}", &["line 1", "Subject: "]),
        ("password_reset.txt", "Subject: \r\n\n{{ token }}", &["line 1", "Subject: "]),
        ("password_reset.txt", "Subject: x\n\nHello", &["shows no token", "{{ link }}"]),
        ("invitation.html", "<p>Hello</p>", &["shows no token", "{{ token }}"]),
        ("password_changed.html", "{{ token }}", &["`token`", "address, at, name, product, subject"]),
        ("account_deleted.txt", "Subject: x\n{% include 'no.txt' %}", &["line 2", "no.txt"]),
        ("account_deleted.txt", "Subject: x\n{{ name | upprcase }}", &["line 2", "upprcase"]),
        ("layout.html", "<p>{{ bogus }}</p>", &["line 1", "`bogus`"]),
        ("account_deleted.html", "{% for i in range(90000) %}long{% endfor %}", &["256 KiB"]),
    ] {
        let faults = faults(name, source);
        assert!(!faults.is_empty(), "{source}");
        for word in words {
            assert!(faults[0].contains(word), "{word}: {faults:#?}");
        }
        assert!(faults[0].starts_with(&format!("/etc/gateway/mail/{name}")), "{faults:#?}");
    }
}

#[test]
fn a_template_that_fails_on_a_real_letter_only_is_replaced_by_the_built_in_one() {
    let source = "Subject: x\n\n{{ token }}{% if name == 'Grace' %}{{ bogus }}{% endif %}";
    let replacement =
        Replacement { name: "password_reset.txt", place: String::new(), source: source.to_owned() };
    let templates =
        Templates::new(wording(), vec![replacement]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let text = |name: &str| templates.render(&letters(name)[0], ada()).map(|mail| mail.text().to_owned());
    assert_eq!(text("Ada"), Ok(format!("{TOKEN}\n")));
    let built_in: Result<String, NotSent> = text("Grace");
    assert!(built_in.unwrap().contains("Hello Grace,"));
}

#[test]
fn the_page_about_mail_names_each_letter_with_its_variables() {
    let page = std::fs::read_to_string(crate::support::project().join("docs/mail.md")).unwrap();
    for (kind, name) in Notification::KINDS.iter().zip([
        "password_reset.html",
        "password_changed.html",
        "email_verification.html",
        "invitation.html",
        "already_registered.html",
        "account_deleted.html",
    ]) {
        let faults = faults(name, "{{ bogus }}");
        let (_, variables) = faults[0].split_once("variables of this letter are ").unwrap();
        // What all letters have is said once.
        let own = variables.split(", ").filter(|variable| !["product", "subject"].contains(variable));
        let own: Vec<_> = own.map(|variable| format!("`{variable}`")).collect();
        let row = page.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/mail.md has no row for {kind}"));
        assert!(row.ends_with(&format!("| {} |", own.join(", "))), "{row}: {own:?}");
    }
}
