//! The words of all letters: built in, or the operator's own, tried out before they are used.

use minijinja::Environment;

use super::NotSent;
use super::link::Link;
use super::mail::Mail;
use super::notification::Notification;
use super::render::{Failed, Rendered, environment, render, variables};
use super::samples;
use super::sources::SOURCES;
use gateway_identity::Email;

/// Longest text of one form that a template may make of a letter.
const FORM_BYTES_MAX: usize = 256 * 1_024;

/// What all letters say alike.
#[derive(Clone, Debug)]
pub struct Wording {
    /// What the reader knows the service as.
    pub product: String,
    /// The domain of the sender, for message ids.
    pub domain: String,
    /// Where letters lead; without a page, a letter shows its token, and how to send it.
    pub reset_link: Option<Link>,
    pub verify_link: Option<Link>,
    pub invitation_link: Option<Link>,
}

/// An operator's file in place of a built-in one.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// One of `TEMPLATE_FILES`.
    pub name: &'static str,
    /// Where it lies, for faults.
    pub place: String,
    pub source: String,
}

/// Turns letters into mails.
pub struct Templates {
    wording: Wording,
    used: Environment<'static>,
    /// What is fallen back to when an operator's template fails on a real letter.
    built_in: Environment<'static>,
}

impl Templates {
    /// Reads all templates, and writes one letter of each kind with them; each thing that is wrong
    /// is a fault with its file, its line and its mend.
    pub fn new(wording: Wording, replacements: Vec<Replacement>) -> Result<Self, Vec<String>> {
        let (mut used, mut built_in) = (environment(), environment());
        let mut faults = Vec::new();
        let places: Vec<_> = replacements.iter().map(|one| (one.name, one.place.clone())).collect();
        let place = |name: &str| {
            let replaced = places.iter().find(|(known, _)| *known == name);
            replaced.map_or_else(|| format!("the built-in {name}"), |(_, place)| place.clone())
        };
        for (name, source) in SOURCES {
            for environment in [&mut used, &mut built_in] {
                if let Err(fault) = environment.add_template(name, source) {
                    faults.push(explain(&Failed::new((*name).to_owned(), &fault), &place, None));
                }
            }
        }
        for Replacement { name, source, .. } in replacements {
            if let Err(fault) = used.add_template_owned(name, source) {
                faults.push(explain(&Failed::new(name.to_owned(), &fault), &place, None));
            }
        }
        let templates = Self { wording, used, built_in };
        // What cannot be read would only be missed here.
        if faults.is_empty() {
            for notification in samples::all() {
                if let Err(failed) = templates.try_out(&notification) {
                    faults.push(explain(&failed, &place, Some((&templates.wording, &notification))));
                }
            }
        }
        // The same fault shows in several letters.
        faults.sort();
        faults.dedup();
        if faults.is_empty() { Ok(templates) } else { Err(faults) }
    }

    /// The mail to `to`. An operator's template that fails on this letter, as it did not on the
    /// samples, is replaced by the built-in one.
    pub fn render(&self, notification: &Notification, to: Email) -> Result<Mail, NotSent> {
        let kind = notification.kind();
        let rendered = render(&self.used, kind, variables(&self.wording, notification)).or_else(|failed| {
            let Failed { template, line, what, .. } = failed;
            tracing::warn!(template, line, what, "a template failed; the built-in one is used");
            render(&self.built_in, kind, variables(&self.wording, notification))
        });
        let Rendered { subject, text, html } = rendered.map_err(|failed| {
            NotSent::Never(format!("{} cannot be filled in: {}", failed.template, failed.what))
        })?;
        let message_id = format!("{}@{}", uuid::Uuid::new_v4().simple(), self.wording.domain);
        Ok(Mail { kind, to, subject, text, html, message_id })
    }

    fn try_out(&self, notification: &Notification) -> Result<(), Failed> {
        let kind = notification.kind();
        let Rendered { text, html, .. } = render(&self.used, kind, variables(&self.wording, notification))?;
        for (ending, form) in [("txt", text), ("html", html)] {
            let failed = |why: &str| Failed {
                template: format!("{kind}.{ending}"),
                line: None,
                what: String::new(),
                why: why.to_owned(),
            };
            if notification.token().is_some() && !form.contains(samples::TOKEN) {
                return Err(failed(
                    "shows no token, so that its reader can do nothing: write {{ link }}, or {{ token }} where no page is configured",
                ));
            }
            if form.len() > FORM_BYTES_MAX {
                return Err(failed("makes a mail of more than 256 KiB"));
            }
        }
        Ok(())
    }
}

fn explain(
    failed: &Failed,
    place: &dyn Fn(&str) -> String,
    sample: Option<(&Wording, &Notification)>,
) -> String {
    let place = place(&failed.template);
    let line = failed.line.map(|line| format!(", line {line}")).unwrap_or_default();
    let known = sample.map(|(wording, notification)| {
        let mut names: Vec<_> = variables(wording, notification).into_keys().collect();
        names.extend(failed.template.ends_with(".html").then_some("subject"));
        format!("; the variables of this letter are {}", names.join(", "))
    });
    format!("{place}{line}: {}{}", failed.why, known.unwrap_or_default())
}
