//! From a letter to the two texts of its mail, and what is wrong with a template.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior, Value};
use secrecy::ExposeSecret as _;

use super::clean;
use super::notification::Notification;
use super::templates::Wording;

/// What a template can show, by name.
pub(super) type Variables = BTreeMap<&'static str, Value>;

/// Both forms, and the subject.
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// Why nothing was rendered: in which template, where in it, and what to do.
pub(super) struct Failed {
    pub(super) template: String,
    pub(super) line: Option<usize>,
    /// In a word or two, and never with anything of a letter.
    pub(super) what: String,
    /// With values that the template was about: for samples only.
    pub(super) why: String,
}

impl Failed {
    pub(super) fn new(template: String, fault: &Error) -> Self {
        let named = fault.name().map_or(template, str::to_owned);
        let mut why = fault.kind().to_string();
        if let Some(detail) = fault.detail() {
            why = format!("{why}: {detail}");
        }
        if let (Some(source), Some(range)) = (fault.template_source(), fault.range())
            && let Some(part) = source.get(range)
            && !why.contains(&format!("`{part}`"))
        {
            why = format!("{why}, at `{}`", clean::line(part));
        }
        Self { template: named, line: fault.line(), what: fault.kind().to_string(), why }
    }
}

/// A variable that there is not is a fault, and HTML is escaped where the name ends in .html.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // For faults, which then show what they are about.
    environment.set_debug(true);
    // A line that only has a condition leaves no empty line behind.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment
}

/// What the templates of this letter can show. A letter that leads somewhere has a `link`, which is
/// none where no page is configured.
pub(super) fn variables(wording: &Wording, notification: &Notification) -> Variables {
    let page = match notification {
        Notification::PasswordReset { .. } => wording.reset_link.as_ref(),
        Notification::EmailVerification { .. } => wording.verify_link.as_ref(),
        Notification::Invitation { .. } => wording.invitation_link.as_ref(),
        _ => None,
    };
    let mut variables = Variables::from([("product", Value::from(&*wording.product))]);
    if let Some(token) = notification.token() {
        let token = token.expose_secret();
        variables.insert("token", Value::from(token));
        variables.insert("link", Value::from(page.map(|page| page.with_token(token))));
    }
    let fields: Vec<(_, Value)> = match notification {
        Notification::PasswordReset { name, minutes, .. } => {
            vec![("name", clean::name(name).into()), ("minutes", (*minutes).into())]
        }
        Notification::PasswordChanged { name, at, address } => vec![
            ("name", clean::name(name).into()),
            ("at", clean::line(at).into()),
            ("address", clean::line(address).into()),
        ],
        Notification::EmailVerification { name, hours, .. } => {
            vec![("name", clean::name(name).into()), ("hours", (*hours).into())]
        }
        Notification::Invitation { days, role, invited_by, .. } => vec![
            ("days", (*days).into()),
            ("role", role.as_str().into()),
            ("invited_by", clean::inviter(invited_by).into()),
        ],
        Notification::AlreadyRegistered { name } => vec![("name", clean::name(name).into())],
        Notification::AccountDeleted { name, at } => {
            vec![("name", clean::name(name).into()), ("at", clean::line(at).into())]
        }
    };
    variables.extend(fields);
    variables
}

pub(super) fn render(
    environment: &Environment<'static>,
    kind: &str,
    mut variables: Variables,
) -> Result<Rendered, Failed> {
    let plain = format!("{kind}.txt");
    let text = one(environment, &plain, &variables)?;
    let (first, body) = text.split_once('\n').unwrap_or((&text, ""));
    let subject = first.trim_start_matches('\u{feff}').strip_prefix("Subject:").map(clean::line);
    let Some(subject) = subject.filter(|subject| !subject.is_empty()) else {
        let why = "the first line must be the subject, as in `Subject: Your new password`".to_owned();
        return Err(Failed { template: plain, line: Some(1), what: "no subject".to_owned(), why });
    };
    variables.insert("subject", Value::from(&*subject));
    let html = one(environment, &format!("{kind}.html"), &variables)?;
    let text = format!("{}\n", body.trim());
    Ok(Rendered { subject, text, html })
}

fn one(environment: &Environment<'static>, name: &str, variables: &Variables) -> Result<String, Failed> {
    let rendered =
        environment.get_template(name).and_then(|template| template.render(Value::from(variables.clone())));
    rendered.map_err(|fault| Failed::new(name.to_owned(), &fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_failure_on_a_real_letter_has_nothing_of_the_letter() {
        let mut environment = environment();
        environment.add_template("a.txt", "Subject: x\n{% include token %}").unwrap();
        let variables = Variables::from([("token", Value::from("CANARY-token"))]);
        let failed = render(&environment, "a", variables).err().unwrap();
        assert!(failed.why.contains("CANARY"), "the values are not told any more: {}", failed.why);
        assert_eq!((failed.what.as_str(), failed.line), ("template not found", Some(2)));
    }
}
