//! What a mail server's refusal means, and what of its words may be logged.

use std::error::Error as _;

use lettre::transport::smtp::Error;

use gateway_notify::NotSent;

/// Longest part of a server's reply that is handed on.
const REPLY_CHARACTERS_MAX: usize = 200;

/// How far the conversation had come (RFC 5321 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    StartTls,
    Login,
    Sender,
    Recipient,
    Contents,
}

impl Step {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::StartTls => "STARTTLS",
            Self::Login => "logging in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Contents => "handing over the mail",
        }
    }

    /// What an operator can look at where a refusal is not the recipient's.
    const fn hint(self) -> &'static str {
        match self {
            Self::Login => "; look at mail.smtp.username and its password",
            Self::Sender => "; look at mail.from",
            _ => "",
        }
    }
}

/// Only a refusal of this recipient or of this mail is for good: all others an operator can mend.
pub(super) fn not_sent(server: &str, step: Step, fault: &Error) -> NotSent {
    let said = format!("{server}, {}: {}{}", step.words(), said(step, fault), step.hint());
    // 530 is "Authentication required" (RFC 4954 §6), whenever it comes.
    let authentication = fault.status().is_some_and(|code| code.to_string() == "530");
    let about_the_mail = matches!(step, Step::Recipient | Step::Contents) && !authentication;
    if fault.is_permanent() && about_the_mail { NotSent::Never(said) } else { NotSent::Later(said) }
}

fn said(step: Step, fault: &Error) -> String {
    let reply = fault.source().map(ToString::to_string).unwrap_or_default();
    let Some(code) = fault.status() else {
        // Our own side: the network, TLS, or an answer that is none.
        return causes(fault);
    };
    match step {
        // A server may repeat what it was told: a password, or a link with its token.
        Step::Login | Step::Contents => match enhanced(&reply) {
            Some(status) => format!("{code} {status}"),
            None => code.to_string(),
        },
        _ => format!("{code} {}", without_addresses(&reply)),
    }
}

/// The fault and what it comes from, each only once.
fn causes(fault: &Error) -> String {
    let mut said = fault.to_string();
    let mut cause = fault.source();
    while let Some(fault) = cause {
        let words = fault.to_string();
        if !said.contains(&words) {
            said = format!("{said}: {words}");
        }
        cause = fault.source();
    }
    without_addresses(&said)
}

/// An enhanced status code (RFC 3463), which leads a reply.
fn enhanced(reply: &str) -> Option<&str> {
    let first = reply.split_whitespace().next()?;
    let numeric = first
        .split('.')
        .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
    (numeric && first.split('.').count() == 3).then_some(first)
}

/// One line without addresses of people, nor anything as long as a token.
fn without_addresses(reply: &str) -> String {
    let words = reply.split_whitespace().map(|word| if word.contains('@') { "…" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().filter(|notification| !notification.is_control()).take(REPLY_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_reply_only_what_is_about_nobody_is_handed_on() {
        let reply = "5.1.1 <ada@example.org>: Recipient\r\nrejected\u{7} (in reply to RCPT)";
        assert_eq!(without_addresses(reply), "5.1.1 … Recipient rejected (in reply to RCPT)");
        assert_eq!(without_addresses(&"x".repeat(1_000)).len(), REPLY_CHARACTERS_MAX);
    }

    #[test]
    fn an_enhanced_status_code_is_three_numbers() {
        assert_eq!(enhanced("5.7.8 Error"), Some("5.7.8"));
        for none in ["", "Error 5.7.8", "5.7", "5.7.8.9", "a.b.c", "5..8", "token.CANARY.1"] {
            assert_eq!(enhanced(none), None, "{none}");
        }
    }
}
