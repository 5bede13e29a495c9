//! What is measured: the levels, from a plain proxy up to Redis, and the ways to be refused.

/// What is on, or why the answer is no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Plain,
    HsOne,
    Hs,
    Rs,
    Es,
    Ed,
    Limited,
    Redis,
    BadSignature,
    Expired,
    Revoked,
    OverLimit,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Bare,
    BareMimalloc,
    Gateway,
    NginxLua,
    Haproxy,
    Pingap,
    Envoy,
    EnvoyCache,
    AuthRequest,
    Traefik,
    Caddy,
}

impl Level {
    pub(crate) const ALL: [Self; 12] = [
        Self::Plain,
        Self::HsOne,
        Self::Hs,
        Self::Rs,
        Self::Es,
        Self::Ed,
        Self::Limited,
        Self::Redis,
        Self::BadSignature,
        Self::Expired,
        Self::Revoked,
        Self::OverLimit,
    ];

    /// As `--only` names it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::HsOne => "hs256-one",
            Self::Hs => "hs256",
            Self::Rs => "rs256",
            Self::Es => "es256",
            Self::Ed => "eddsa",
            Self::Limited => "limit",
            Self::Redis => "redis",
            Self::BadSignature => "bad-signature",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::OverLimit => "over-limit",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Plain => "L0: public route",
            Self::HsOne => "L1: HS256, identity headers; 1 token",
            Self::Hs => "L1: HS256, identity headers; 1,000 tokens",
            Self::Rs => "L2: RS256 (2048 bits), identity headers; 1,000 tokens",
            Self::Es => "L2: ES256, identity headers; 1,000 tokens",
            Self::Ed => "L2: EdDSA, identity headers; 1,000 tokens",
            Self::Limited => "L3: L1 and revocation in memory, limit per user; 1,000 tokens",
            Self::Redis => "L4: L1 and revocation in Redis, limit per user; 1,000 tokens",
            Self::BadSignature => "refused: HS256, bad signature (401)",
            Self::Expired => "refused: HS256, expired (401)",
            Self::Revoked => "refused: HS256, revoked (401)",
            Self::OverLimit => "refused: HS256, over the limit of its user (429)",
        }
    }

    /// The status with which every request has to be answered.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::BadSignature | Self::Expired | Self::Revoked => 401,
            Self::OverLimit => 429,
            _ => 200,
        }
    }

    /// Who takes part beside the two bare proxies.
    pub(crate) const fn contestants(self) -> &'static [Who] {
        use Who::{AuthRequest, Caddy, Envoy, EnvoyCache, Gateway, Haproxy, NginxLua, Pingap, Traefik};
        match self {
            Self::Plain => &[Gateway, NginxLua, Haproxy, Pingap, Envoy, Traefik, Caddy],
            Self::HsOne => &[Gateway, NginxLua, Haproxy],
            Self::Hs => &[Gateway, NginxLua, Haproxy, Pingap, Envoy, EnvoyCache, AuthRequest, Traefik, Caddy],
            Self::Rs | Self::Es | Self::Ed => &[Gateway, NginxLua, Haproxy, Pingap, Envoy, EnvoyCache],
            Self::Limited => &[Gateway, NginxLua, Haproxy],
            Self::Redis => &[Gateway, NginxLua],
            Self::BadSignature => &[Gateway, NginxLua, Haproxy, Pingap, Envoy, AuthRequest, Traefik, Caddy],
            Self::Expired | Self::Revoked | Self::OverLimit => &[Gateway],
        }
    }
}

impl Who {
    pub(crate) const ALL: [Self; 11] = [
        Self::Bare,
        Self::BareMimalloc,
        Self::Gateway,
        Self::NginxLua,
        Self::Haproxy,
        Self::Pingap,
        Self::Envoy,
        Self::EnvoyCache,
        Self::AuthRequest,
        Self::Traefik,
        Self::Caddy,
    ];

    /// As `--only` names it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::BareMimalloc => "bare-mimalloc",
            Self::Gateway => "gateway",
            Self::NginxLua => "nginx-lua",
            Self::Haproxy => "haproxy",
            Self::Pingap => "pingap",
            Self::Envoy => "envoy",
            Self::EnvoyCache => "envoy-cache",
            Self::AuthRequest => "auth-request",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare Pingora",
            Self::BareMimalloc => "bare Pingora, built as the gateway",
            Self::Gateway => "gateway",
            Self::NginxLua => "nginx + Lua",
            Self::Haproxy => "HAProxy",
            Self::Pingap => "pingap",
            Self::Envoy => "Envoy",
            Self::EnvoyCache => "Envoy with jwt_cache",
            Self::AuthRequest => "nginx auth_request",
            Self::Traefik => "Traefik",
            Self::Caddy => "Caddy",
        }
    }

    /// The two yardsticks, which stand in every level.
    pub(crate) const fn is_bare(self) -> bool {
        matches!(self, Self::Bare | Self::BareMimalloc)
    }

    /// What it cannot do, whatever is installed.
    pub(crate) const fn lacks(self, level: Level) -> Option<&'static str> {
        match (self, level) {
            (Self::Haproxy, Level::Ed) => Some("its jwt_verify has no EdDSA"),
            _ => None,
        }
    }
}
