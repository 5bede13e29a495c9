//! A Pingora proxy that does nothing but forward: what the gateway would cost if it were nothing
//! more. Like the gateway it has one thread or as many as are asked for, no modules, and a peer that is
//! made once.

use std::net::SocketAddr;

use async_trait::async_trait;
use pingora::apps::HttpServerOptions;
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

struct Bare(HttpPeer);

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    /// By default Pingora has a module for compression here.
    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(self.0.clone()))
    }
}

/// Serves until it is killed. Arguments: threads, the upstream, where to listen without TLS, with it, and
/// for HTTP/2 without it; and the files of a certificate and its key.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) -> ! {
    let mut next = || arguments.next().expect("seven arguments");
    let threads = next().parse().expect("a number of threads");
    let upstream: SocketAddr = next().parse().expect("an upstream");
    let [plain, tls, h2c, certificate, key] = [(); 5].map(|()| next());
    gateway_token::install_cryptography().expect("a provider of cryptography");
    let peer = HttpPeer::new(upstream, false, String::new());
    let conf = ServerConf { threads, upstream_keepalive_pool_size: 512, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, Bare(peer.clone()));
    service.add_tcp(&plain);
    service.add_tls(&tls, &certificate, &key).expect("a certificate and its key");
    server.add_service(service);
    // By prior knowledge, which is a matter of a whole service; it has threads of its own.
    let mut service = http_proxy_service(&server.configuration, Bare(peer));
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    service.app_logic_mut().expect("it was made above").server_options = Some(options);
    service.add_tcp(&h2c);
    server.add_service(service);
    server.run_forever()
}
