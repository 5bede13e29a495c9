//! A mail as it goes over the wire: headers, and both forms of the text (RFC 5322, RFC 2046 §5.1.4).

use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Message, MultiPart};

use super::sender::Sender;
use gateway_identity::Email;
use gateway_notify::{Mail, NotSent};

/// RFC 3834 §5: vacation notices and mailing lists do not answer to it.
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// The message, with its envelope.
pub(super) fn message(sender: &Sender, mail: &Mail) -> Result<Message, NotSent> {
    let to = address(mail.to()).ok_or_else(|| NotSent::Never("the recipient has no address".to_owned()))?;
    let mut builder = Message::builder().from(sender.from.0.clone());
    if let Some(reply_to) = &sender.reply_to {
        builder = builder.reply_to(reply_to.0.clone());
    }
    builder
        .to(lettre::message::Mailbox::new(None, to))
        .subject(mail.subject())
        .date(gateway_clock::wall_time())
        .message_id(Some(format!("<{}>", mail.message_id())))
        .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(mail.text().to_owned(), mail.html().to_owned()))
        .map_err(|fault| NotSent::Never(format!("the mail cannot be put together: {fault}")))
}

/// As it is: our own rules for addresses are narrower than those of mail, and lettre has another
/// opinion on some domains (`ab--cd.example`).
fn address(email: &Email) -> Option<Address> {
    let (user, domain) = email.as_str().split_once('@')?;
    Some(Address::new_dangerous(user, domain))
}
