//! The TLS handshake of a connection that came in.

use std::sync::Arc;
use std::time::Duration;

use pingora::protocols::l4::stream::Stream as Tcp;
use pingora::protocols::tls::TlsRef;
use pingora::protocols::{Ssl as _, Stream};
use rustls::ProtocolVersion;
use tokio::time::timeout;

use super::connection_handler::ConnectionHandler;
use super::tls::Handshakes;
use gateway_clock::Stopwatch;
use gateway_telemetry::Refused;
use gateway_token::PeerCertificate;

/// How long it may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

impl<A> ConnectionHandler<A> {
    /// The encrypted stream, and what certificate its client showed. Failures are counted and not logged
    /// as errors: clients choose how often they happen.
    pub(super) async fn handshake(
        &self,
        handshakes: &Handshakes,
        stream: Tcp,
    ) -> Option<(Stream, Option<Arc<PeerCertificate>>)> {
        let mut closed = self.closing.clone();
        let begun = Stopwatch::start();
        let shaken = tokio::select! {
            shaken = timeout(HANDSHAKE_TIME_MAX, handshakes.acceptor.tls_handshake(stream)) => shaken,
            _ = closed.wait_for(|closed| *closed) => return None,
        };
        match shaken {
            Ok(Ok(stream)) => {
                let chain = stream.get_ssl().and_then(TlsRef::peer_cert_chain_der);
                // One that only opens the door is nobody's.
                let chain = chain.filter(|_| handshakes.identify);
                let shown = chain.map(|chain| PeerCertificate::new(chain.iter().cloned()));
                let stream: Stream = Box::new(stream);
                let digest = stream.get_ssl_digest();
                let is_tls13 =
                    digest.is_some_and(|digest| ProtocolVersion::TLSv1_3.as_str() == Some(&*digest.version));
                self.metrics.connections.shook_hands(is_tls13, begun.elapsed());
                Some((stream, shown))
            }
            Ok(Err(fault)) => {
                tracing::debug!(error = %fault, "a TLS handshake failed");
                self.metrics.connections.refuse(Refused::TlsHandshake);
                None
            }
            Err(_) => {
                self.metrics.connections.refuse(Refused::TlsTimeout);
                None
            }
        }
    }
}
