//! What a certificate says (RFC 5280), as facts by name: for mappings and rules that know claims.
//! Nothing is proved here.

use std::cmp::Ordering;

use aws_lc_rs::digest;
use serde_json::{Map, Value};
use x509_parser::asn1_rs::Oid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{
    OID_DOMAIN_COMPONENT, OID_PKCS9_EMAIL_ADDRESS, OID_USERID, OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME,
    OID_X509_LOCALITY_NAME, OID_X509_ORGANIZATION_NAME, OID_X509_ORGANIZATIONAL_UNIT, OID_X509_SERIALNUMBER,
    OID_X509_STATE_OR_PROVINCE_NAME,
};
use x509_parser::x509::{X509Name, X509Version};

/// The facts that name one holder, each with what it is.
pub const SUBJECT_FACTS: [&str; 5] = ["san_uri", "san_dns", "san_email", "subject_cn", "subject"];

/// What a distinguished name calls its parts (RFC 4514 §3, and OpenSSL for the last two).
const PARTS: [(Oid<'_>, &str); 10] = [
    (OID_X509_COMMON_NAME, "CN"),
    (OID_X509_LOCALITY_NAME, "L"),
    (OID_X509_STATE_OR_PROVINCE_NAME, "ST"),
    (OID_X509_ORGANIZATION_NAME, "O"),
    (OID_X509_ORGANIZATIONAL_UNIT, "OU"),
    (OID_X509_COUNTRY_NAME, "C"),
    (OID_DOMAIN_COMPONENT, "DC"),
    (OID_USERID, "UID"),
    (OID_PKCS9_EMAIL_ADDRESS, "emailAddress"),
    (OID_X509_SERIALNUMBER, "serialNumber"),
];

/// `None` where it is no certificate, or a part of it could be read in two ways. What a certificate can
/// have several of is a list, also of one.
pub(super) fn facts(der: &[u8]) -> Option<Map<String, Value>> {
    let certificate = read(der)?;
    let (mut uris, mut hosts, mut emails) = (Vec::new(), Vec::new(), Vec::new());
    // Twice is an error, as RFC 5280 §4.2 has it.
    let names = certificate.subject_alternative_name().ok()?;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::URI(uri) => uris.push((*uri).to_owned()),
            // Of a host all spellings are one (RFC 4343).
            GeneralName::DNSName(host) => hosts.push(host.to_ascii_lowercase()),
            GeneralName::RFC822Name(email) => emails.push((*email).to_owned()),
            GeneralName::Invalid(..) => return None,
            _ => {}
        }
    }
    let subject = certificate.subject();
    // One that cannot be read is one all the same: without it another one would pass for the only one.
    let parts = |part: &Oid<'static>| -> Vec<String> {
        let texts = subject.iter_by_oid(part).map(|part| part.as_str().map(str::to_owned));
        texts.collect::<Result<_, _>>().unwrap_or_default()
    };
    let lists = [
        ("san_uri", uris),
        ("san_dns", hosts),
        ("san_email", emails),
        ("subject_cn", parts(&OID_X509_COMMON_NAME)),
        ("subject_o", parts(&OID_X509_ORGANIZATION_NAME)),
        ("subject_ou", parts(&OID_X509_ORGANIZATIONAL_UNIT)),
    ];
    let mut facts = Map::new();
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        facts.insert(name.to_owned(), list.into());
    }
    if let Some(name) = distinguished(subject).filter(|name| !name.is_empty()) {
        facts.insert("subject".to_owned(), name.into());
    }
    let serial: Vec<u8> = certificate.raw_serial().iter().copied().skip_while(|byte| *byte == 0).collect();
    facts.insert("serial".to_owned(), hex(&serial).to_uppercase().into());
    facts.insert("sha256".to_owned(), hex(digest::digest(&digest::SHA256, der).as_ref()).into());
    Some(facts)
}

/// The only one of a fact, where there is one.
pub(super) fn one(fact: &Value) -> Option<&str> {
    match fact {
        Value::Array(list) => match &list[..] {
            [only] => only.as_str(),
            _ => None,
        },
        fact => fact.as_str(),
    }
}

/// In seconds since 1970, when a certificate is over.
pub(super) fn end(der: &[u8]) -> Option<u64> {
    u64::try_from(read(der)?.validity().not_after.timestamp()).ok()
}

/// Whether it may sign others. Roots from before version 3 do not say so.
pub(super) fn is_authority(der: &[u8]) -> bool {
    read(der).is_some_and(|certificate| certificate.version().0 < X509Version::V3.0 || certificate.is_ca())
}

/// Which one of the lists of an authority a list is.
#[derive(Debug)]
pub(super) struct Issue {
    /// Its number (RFC 5280 §5.2.3), without leading zeros.
    number: Option<Vec<u8>>,
    made: i64,
    /// In seconds since 1970, when the next one is due.
    pub(super) ends: u64,
}

impl Issue {
    pub(super) fn is_after(&self, other: &Self) -> bool {
        let numbers = self.number.as_ref().zip(other.number.as_ref());
        // Of numbers without leading zeros the longer one is larger.
        let by_number = numbers.map(|(own, other)| (own.len(), own).cmp(&(other.len(), other)));
        by_number.unwrap_or(Ordering::Equal).then(self.made.cmp(&other.made)) == Ordering::Greater
    }
}

/// `None` where it does not say when the next one is due.
pub(super) fn issue(der: &[u8]) -> Option<Issue> {
    let (_, list) = x509_parser::parse_x509_crl(der).ok()?;
    Some(Issue {
        number: list.crl_number().map(|number| number.to_bytes_be()),
        made: list.last_update().timestamp(),
        ends: u64::try_from(list.next_update()?.timestamp()).ok()?,
    })
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    x509_parser::parse_x509_certificate(der).ok().map(|(_, certificate)| certificate)
}

/// RFC 4514: the last part comes first. `None` where a part is no text, or one that RFC 5280 advises
/// against.
fn distinguished(name: &X509Name<'_>) -> Option<String> {
    let part = |kind: &Oid<'_>| {
        let known = PARTS.into_iter().find(|(known, _)| known == kind);
        known.map_or_else(|| kind.to_id_string(), |(_, name)| name.to_owned())
    };
    let mut parts = Vec::new();
    for several in name.iter_rdn() {
        let texts = several.iter().map(|one| {
            let text = one.as_str().ok()?;
            Some(format!("{}={}", part(one.attr_type()), escaped(text)))
        });
        parts.push(texts.collect::<Option<Vec<_>>>()?.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// RFC 4514 §2.4: nothing that a value holds can be taken for another part.
fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(text.len());
    for (index, letter) in text.chars().enumerate() {
        let at_end = letter == ' ' && (index == 0 || index == last);
        if at_end || (letter == '#' && index == 0) || "\"+,;<>\\".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SanType};

    use super::*;

    fn facts_of(change: impl FnOnce(&mut CertificateParams)) -> Map<String, Value> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        change(&mut params);
        let own = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        facts(own.der()).unwrap()
    }

    #[test]
    fn a_certificate_says_who_it_is_for_by_several_names() {
        let facts = facts_of(|params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CountryName, "DE");
            params.distinguished_name.push(DnType::OrganizationName, "Acme");
            params.distinguished_name.push(DnType::CommonName, "pump 7");
            params.subject_alt_names = vec![
                SanType::URI("spiffe://acme/pump/7".try_into().unwrap()),
                SanType::DnsName("Pump7.Acme.example".try_into().unwrap()),
                SanType::DnsName("other.example".try_into().unwrap()),
            ];
        });
        assert_eq!(facts["subject"], "CN=pump 7,O=Acme,C=DE");
        assert_eq!(one(&facts["subject_cn"]), Some("pump 7"));
        assert_eq!(one(&facts["san_uri"]), Some("spiffe://acme/pump/7"));
        assert_eq!(facts["san_dns"], serde_json::json!(["pump7.acme.example", "other.example"]));
        assert_eq!(one(&facts["san_dns"]), None, "two are nobody");
        assert_eq!((facts.get("san_email"), facts["sha256"].as_str().unwrap().len()), (None, 64));
    }

    #[test]
    fn no_part_of_a_name_can_be_taken_for_another_one() {
        let subject = |cn: &str| {
            facts_of(|params| {
                params.distinguished_name = rcgen::DistinguishedName::new();
                params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(cn.to_owned()));
            })["subject"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(subject("a,O=Acme"), "CN=a\\,O=Acme");
        assert_eq!(subject("a+UID=1"), "CN=a\\+UID=1");
        assert_eq!(subject(" #a\\ "), "CN=\\ #a\\\\\\ ");
        assert_eq!(subject("#a"), "CN=\\#a");
    }

    #[test]
    fn a_name_that_cannot_be_read_leaves_another_one_not_the_only_one() {
        let told = |other: DnValue| {
            let facts = facts_of(|params| {
                let name = &mut params.distinguished_name;
                *name = rcgen::DistinguishedName::new();
                name.push(DnType::CommonName, DnValue::Utf8String("first".to_owned()));
                name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), other);
            });
            facts.get("subject_cn").and_then(one).map(str::to_owned)
        };
        assert_eq!(told(DnValue::BmpString("x".try_into().unwrap())), None);
        assert_eq!(told(DnValue::TeletexString("x".try_into().unwrap())), None);
        assert_eq!(told(DnValue::Utf8String("second".to_owned())), None);
    }

    #[test]
    fn what_is_no_certificate_says_nothing() {
        assert!(facts(b"").is_none() && facts(b"\x30\x03\x02\x01\x01").is_none());
        assert!(end(b"x").is_none() && issue(b"x").is_none() && !is_authority(b"x"));
    }
}
