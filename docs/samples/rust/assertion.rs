//! A middleware for axum that lets only requests through that the gateway vouches for. It needs
//! `jsonwebtoken` and any HTTP client.
#![expect(clippy::disallowed_methods, reason = "a rule of the gateway's own code, and none for services")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

/// What the gateway vouches for.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Identity {
    sub: String,
    email: Option<String>,
}

/// The gateway's keys, and whom its assertions have to be for.
struct Gateway {
    jwks_url: String,
    rules: Validation,
    keys: Mutex<Option<(Instant, JwkSet)>>,
}

type Shared = &'static Gateway;

const REFUSED: (StatusCode, &str) =
    (StatusCode::UNAUTHORIZED, "the gateway does not vouch for this request\n");

impl Gateway {
    fn new(jwks_url: String, issuer: &str, audience: &str) -> Self {
        // The algorithm is pinned here, and never chosen by the token.
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        rules.leeway = 5;
        Self { jwks_url, rules, keys: Mutex::new(None) }
    }

    /// Blocks where the keys have to be fetched.
    fn verify(&self, token: &str) -> Option<Identity> {
        let header = decode_header(token).ok()?;
        // No other token of the gateway is an assertion, whoever signed it.
        (header.typ.as_deref() == Some("gateway-assertion+jwt")).then_some(())?;
        let key = self.key(&header.kid?)?;
        decode(token, &key, &self.rules).ok().map(|verified| verified.claims)
    }

    /// Fetches the key set again for a key that is not known, but not more often than every other
    /// second, whatever is sent.
    fn key(&self, kid: &str) -> Option<DecodingKey> {
        let mut kept = self.keys.lock().ok()?;
        let stale = kept.as_ref().is_none_or(|(fetched, keys)| {
            let (age, known) = (fetched.elapsed(), keys.find(kid).is_some());
            age > Duration::from_secs(300) || (!known && age > Duration::from_secs(2))
        });
        if stale && let Some(fetched) = self.fetch() {
            *kept = Some((Instant::now(), fetched));
        }
        DecodingKey::from_jwk(kept.as_ref()?.1.find(kid)?).ok()
    }

    fn fetch(&self) -> Option<JwkSet> {
        let request = ureq::get(&self.jwks_url).config().timeout_global(Some(Duration::from_secs(5))).build();
        request.call().ok()?.body_mut().read_json().ok()
    }
}

async fn vouched(
    State(gateway): State<Shared>,
    mut request: Request,
    next: Next,
) -> Result<Response, (StatusCode, &'static str)> {
    let mut values = request.headers().get_all("x-gateway-assertion").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(REFUSED) };
    let token = value.to_str().map_err(|_| REFUSED)?.to_owned();
    let identity = tokio::task::spawn_blocking(move || gateway.verify(&token)).await.ok().flatten();
    request.extensions_mut().insert(identity.ok_or(REFUSED)?);
    Ok(next.run(request).await)
}

async fn hello(Extension(identity): Extension<Identity>) -> Json<Identity> {
    Json(identity)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name: &str| std::env::var(name).map_err(|fault| format!("{name}: {fault}"));
    let gateway = Gateway::new(variable("JWKS_URL")?, &variable("ISSUER")?, &variable("AUDIENCE")?);
    let gateway: Shared = Box::leak(Box::new(gateway));
    let app = Router::new()
        .route("/", get(hello))
        .fallback(get(hello))
        .layer(from_fn_with_state(gateway, vouched))
        .with_state(gateway);
    let port = std::env::var("PORT").unwrap_or("0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
