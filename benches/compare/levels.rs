//! What is measured: the levels, from a plain proxy up to Redis, what else a request may be, and the
//! ways to be refused; and who takes part in each.

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
    Body,
    Tls,
    Http2,
    BadSignature,
    Expired,
    Revoked,
    OverLimit,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// With Pingora's defaults.
    Bare,
    /// Built as the gateway: what targets are told in.
    SameBuilt,
    Gateway,
    /// The same gateway, but each request goes Pingora's way.
    LaneClosed,
    /// A gateway that was built before, by `--before`.
    Before,
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
    pub(crate) const ALL: [Self; 15] = [
        Self::Plain,
        Self::HsOne,
        Self::Hs,
        Self::Rs,
        Self::Es,
        Self::Ed,
        Self::Limited,
        Self::Redis,
        Self::Body,
        Self::Tls,
        Self::Http2,
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
            Self::Body => "body",
            Self::Tls => "tls",
            Self::Http2 => "http2",
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
            Self::Body => "body: L1, 4 KiB sent by POST and 64 KiB answered, chunked both ways",
            Self::Tls => "TLS: L3 over TLS 1.3, connections kept",
            Self::Http2 => "HTTP/2: L3 without TLS, 64 connections × 10 streams",
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

    /// Who takes part, the yardsticks first.
    pub(crate) fn everybody(self) -> impl Iterator<Item = Who> {
        let default_build = (self == Self::Plain).then_some(Who::Bare);
        default_build.into_iter().chain([Who::SameBuilt]).chain(self.contestants().iter().copied())
    }

    /// Who takes part beside the bare proxies.
    pub(crate) const fn contestants(self) -> &'static [Who] {
        use Who::{
            AuthRequest, Before, Caddy, Envoy, EnvoyCache, Gateway, Haproxy, LaneClosed, NginxLua, Pingap,
            Traefik,
        };
        match self {
            Self::Plain => &[Gateway, LaneClosed, Before, NginxLua, Haproxy, Pingap, Envoy, Traefik, Caddy],
            Self::HsOne | Self::Expired | Self::Revoked | Self::OverLimit => &[Gateway, NginxLua, Haproxy],
            Self::Hs => &[
                Gateway,
                LaneClosed,
                Before,
                NginxLua,
                Haproxy,
                Pingap,
                Envoy,
                EnvoyCache,
                AuthRequest,
                Traefik,
                Caddy,
            ],
            Self::Rs | Self::Es | Self::Ed => &[Gateway, NginxLua, Haproxy, Pingap, Envoy, EnvoyCache],
            Self::Limited | Self::Tls => &[Gateway, LaneClosed, Before, NginxLua, Haproxy],
            Self::Redis => &[Gateway, LaneClosed, Before, NginxLua],
            Self::Body => &[Gateway, LaneClosed, Before, NginxLua, Haproxy, Envoy],
            // The lane is for HTTP/1.1 only.
            Self::Http2 => &[Gateway, Before, NginxLua, Haproxy, Envoy],
            Self::BadSignature => {
                &[Gateway, LaneClosed, Before, NginxLua, Haproxy, Pingap, Envoy, AuthRequest, Traefik, Caddy]
            }
        }
    }
}

impl Who {
    pub(crate) const ALL: [Self; 13] = [
        Self::Bare,
        Self::SameBuilt,
        Self::Gateway,
        Self::LaneClosed,
        Self::Before,
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
            Self::SameBuilt => "same-built",
            Self::Gateway => "gateway",
            Self::LaneClosed => "lane-closed",
            Self::Before => "before",
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
            Self::Bare => "bare Pingora, its defaults",
            Self::SameBuilt => "bare Pingora, built as the gateway",
            Self::Gateway => "gateway",
            Self::LaneClosed => "gateway, lane closed",
            Self::Before => "gateway, build of before",
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

    /// The yardsticks, which forward and do nothing else.
    pub(crate) const fn is_bare(self) -> bool {
        matches!(self, Self::Bare | Self::SameBuilt)
    }

    /// What it cannot do, whatever is installed.
    pub(crate) const fn lacks(self, level: Level) -> Option<&'static str> {
        match (self, level) {
            (Self::Haproxy, Level::Ed) => Some("its jwt_verify has no EdDSA"),
            _ => None,
        }
    }
}
