//! Every way in which the pipeline says no, and what the client is told. A refusal is an answer:
//! it is never logged as an error.

use std::sync::Arc;
use std::time::Duration;

use super::{CsrfFault, HandshakeFlaw, MissingRequirement, NearMiss, NotTaken, Quota, RevokedToken, Route};
use gateway_limits::{Exhausted, fields};
use gateway_problem::{Code, Problem, Why};
use gateway_store::Unreachable;
use gateway_token::{Asked, CertificateFault, RefusedToken};

/// By the contract it counts as no token, and the message says so: what is to be mended stands beside it.
pub const NOT_BEARER: &str = "The Authorization header is not of the form `Bearer <access_token>`";

const NO_COOKIES: &str = "Here a browser is known by its cookies alone, and Authorization is left to the service: sign in by POST /api/auth/login?mode=cookie";

const MANIFEST_WITHOUT_COOKIES: &str = "Browsers fetch a web app manifest without cookies: write <link rel=\"manifest\" crossorigin=\"use-credentials\">, or give its path a public route";

/// Each of the two could be somebody else.
const CERTIFICATE_AND_TOKEN: &str =
    "The connection has a client certificate and the request a token; this route takes one of the two";

/// Why a request was not admitted.
#[derive(Clone, Debug)]
pub enum Refusal {
    AmbiguousPath,
    /// The service of one route could take the path for that of a stricter one.
    NearMiss(Box<NearMiss>),
    /// It holds what a route may allow, and none does.
    NotTaken(Box<NotTaken>),
    NoRoute,
    /// The methods that would have worked.
    MethodNotAllowed(String),
    /// The route is not for clients of this network, or nobody knows of which one they are.
    Network,
    TwoTokens,
    /// A client certificate and something else that says who it is.
    CertificateAndToken,
    /// None was shown, and nothing else would do.
    NoCertificate,
    CertificateInvalid(CertificateFault),
    NoToken,
    /// Something came in `Authorization`, and in another form than ours.
    NotBearer,
    /// The route looks at cookies only, and none of ours came.
    NoCookies,
    /// A browser fetches a web app manifest, and has left its cookies out as the page says.
    ManifestWithoutCookies,
    /// By cookies, and perhaps not sent by a page that may use them.
    Csrf(CsrfFault),
    /// A browser's session could not be renewed, and nobody can say whether it is over.
    NotRenewed(Box<Problem>),
    TokenInvalid,
    /// The same, and which fault of another issuer's token it is.
    TokenRefused(Box<RefusedToken>),
    TokenTooLarge {
        bytes: usize,
        allowed: usize,
    },
    TokenExpired,
    TokenRevoked(Box<RevokedToken>),
    /// Its issuer did not tell us its keys, or told us that it has none.
    IssuerUnavailable(Asked),
    RevocationUnavailable(Unreachable),
    Limited(Exhausted),
    /// The assertion that the route asks for could not be made.
    NoAssertion,
    /// The listener sends everybody to HTTPS, and nobody knows to which host.
    NoHost,
    /// The request says that its body is larger than what the route takes.
    BodyTooLarge,
    /// It asks for a WebSocket where the route has none.
    NoWebsocket,
    /// It asks for one, and is no handshake.
    Handshake(HandshakeFlaw),
    Forbidden {
        lacking: MissingRequirement,
        quota: Box<Quota>,
    },
}

/// A refusal, and the route that it happened on, where one was found.
#[derive(Clone, Debug)]
pub struct Denied {
    pub refusal: Refusal,
    pub route: Option<Arc<Route>>,
}

impl Denied {
    /// What is to be known beside the code, where only method and path are; a browser's request would
    /// say itself that it is for a manifest.
    pub fn note(&self, path: &str) -> Option<&'static str> {
        let is_manifest = path.rsplit('/').next().is_some_and(|name| name.contains("manifest"));
        let by_browser = self.route.as_ref().is_some_and(|route| route.takes_cookies());
        match self.refusal.code() {
            Code::TokenMissing if is_manifest && by_browser => Some(MANIFEST_WITHOUT_COOKIES),
            _ => self.refusal.problem().detail(),
        }
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, route: None }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let realm = denied.route.as_ref().and_then(|route| route.realm.as_deref());
        denied.refusal.problem().in_realm(realm)
    }
}

impl PartialEq for Refusal {
    /// Two refusals are the same when a client could not tell them apart by code.
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code()
    }
}

impl Refusal {
    /// Whether it is that nobody said who it is.
    pub(super) fn says_that_nothing_came(&self) -> bool {
        matches!(self.code(), Code::TokenMissing | Code::CertificateMissing)
    }

    /// Whether a browser of whose session it is said may have a refresh token that still is good.
    pub(super) fn may_be_renewed(&self) -> bool {
        matches!(self, Self::NoToken | Self::TokenInvalid | Self::TokenExpired | Self::TokenRevoked(_))
    }

    pub(super) fn on(self, route: &Arc<Route>) -> Denied {
        Denied { refusal: self, route: Some(Arc::clone(route)) }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::AmbiguousPath | Self::NearMiss(_) | Self::NotTaken(_) => Code::AmbiguousPath,
            Self::NoRoute => Code::NotFound,
            Self::MethodNotAllowed(_) => Code::MethodNotAllowed,
            Self::Network => Code::NetworkNotAllowed,
            Self::TwoTokens | Self::CertificateAndToken => Code::InvalidRequest,
            Self::NoCertificate => Code::CertificateMissing,
            Self::CertificateInvalid(_) => Code::CertificateInvalid,
            Self::NoToken | Self::NotBearer | Self::NoCookies | Self::ManifestWithoutCookies => {
                Code::TokenMissing
            }
            Self::Csrf(_) => Code::CsrfRefused,
            Self::NotRenewed(problem) => problem.code(),
            Self::TokenInvalid | Self::TokenRefused(_) => Code::TokenInvalid,
            Self::TokenTooLarge { .. } => Code::TokenTooLarge,
            Self::TokenExpired => Code::TokenExpired,
            Self::TokenRevoked(_) => Code::TokenRevoked,
            Self::IssuerUnavailable(_) => Code::IssuerUnavailable,
            Self::RevocationUnavailable(_) => Code::RevocationUnavailable,
            Self::Limited(_) => Code::RateLimited,
            Self::NoAssertion => Code::Internal,
            Self::NoHost => Code::MalformedRequest,
            Self::BodyTooLarge => Code::BodyTooLarge,
            Self::NoWebsocket => Code::WebsocketNotEnabled,
            Self::Handshake(HandshakeFlaw::OtherVersion) => Code::WebsocketVersionUnsupported,
            Self::Handshake(_) => Code::InvalidWebsocketHandshake,
            Self::Forbidden { .. } => Code::InsufficientScope,
        }
    }

    /// The most that the client is told in words, for whoever asks why.
    pub(super) fn in_words(&self) -> String {
        let problem = self.problem();
        problem.detail().unwrap_or(problem.message()).to_owned()
    }

    /// What the client is told.
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(self.code());
        match self {
            Self::NotBearer => problem.with_detail(NOT_BEARER),
            Self::NoCookies => problem.with_detail(NO_COOKIES),
            Self::ManifestWithoutCookies => problem.with_detail(MANIFEST_WITHOUT_COOKIES),
            Self::CertificateAndToken => problem.with_message(CERTIFICATE_AND_TOKEN),
            Self::NotTaken(not_taken) => match not_taken.odd.first() {
                Some(odd) => problem.with_detail(odd.detail()),
                None => problem,
            },
            Self::TokenRefused(refused) => problem.because(Why {
                reason: Some(refused.fault.as_str()),
                issuer: refused.issuer.clone(),
                ..Why::default()
            }),
            Self::CertificateInvalid(fault) => {
                problem.because(Why { reason: Some(fault.as_str()), ..Why::default() })
            }
            Self::TokenTooLarge { bytes, .. } => {
                problem.because(Why { token_bytes: Some(*bytes), ..Why::default() })
            }
            Self::Csrf(suspicion) => problem.with_message(suspicion.message()),
            Self::NotRenewed(problem) => (**problem).clone(),
            Self::IssuerUnavailable(Asked::Silent) | Self::RevocationUnavailable(_) => {
                problem.retry_after(Duration::from_secs(1))
            }
            Self::Limited(exhausted) => exhausted.told(problem),
            Self::MethodNotAllowed(allow) => problem.allow(allow.clone()),
            Self::NoHost => problem.with_message("A Host is needed to be sent to HTTPS"),
            Self::Handshake(flaw) => flaw.told(problem),
            Self::Forbidden { lacking, quota } => match lacking {
                MissingRequirement::Role(role) => with_quota(problem.scope(role.clone()), quota),
                // Which claim or issuer is wanted is no scope that a client could ask for.
                MissingRequirement::Claim(_) | MissingRequirement::Issuer => with_quota(problem, quota),
            },
            _ => problem,
        }
    }
}

/// A refusal in the words of whoever may know: why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub reason: Option<&'static str>,
    pub why: String,
    pub next: String,
}

impl Refusal {
    /// For an operator, or whoever else has the token in hand; never for its client.
    pub fn account(&self) -> Account {
        let entry = self.code().entry();
        match self {
            Self::TokenRefused(refused) => Account {
                reason: Some(refused.fault.as_str()),
                why: match &refused.issuer {
                    Some(issuer) => format!("Issuer `{issuer}`: {}.", refused.fault),
                    None => format!("Refused of every issuer: {}.", refused.fault),
                },
                next: refused.fault.mend(refused.issuer.as_ref()),
            },
            Self::TokenTooLarge { bytes, allowed } => Account {
                reason: None,
                why: format!("It has {bytes} bytes; allowed are {allowed}."),
                next: entry.next_step.to_owned(),
            },
            Self::Forbidden { lacking, .. } => {
                let (why, next) = lacking.account();
                Account { reason: None, why, next: next.to_owned() }
            }
            Self::NoToken => Account {
                reason: None,
                why: "The route needs an access token, and none came.".to_owned(),
                next: entry.next_step.to_owned(),
            },
            Self::NotBearer => {
                Account { reason: None, why: format!("{NOT_BEARER}."), next: entry.next_step.to_owned() }
            }
            Self::NoCookies => Account {
                reason: None,
                why: "The route looks at cookies only, and none of ours came.".to_owned(),
                next: "Sign in as a page does, by POST /api/auth/login?mode=cookie. What `explain` is given by --token stands in Authorization, which this route leaves to its service: ask with a real browser, or about a route that takes both.".to_owned(),
            },
            _ => Account { reason: None, why: entry.meaning.to_owned(), next: entry.next_step.to_owned() },
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusal.problem()
    }
}

fn with_quota(problem: Problem, quota: &Quota) -> Problem {
    match fields(quota.charges(), None) {
        Some(fields) => problem.field("ratelimit", fields.limit).field("ratelimit-policy", fields.policy),
        None => problem,
    }
}
