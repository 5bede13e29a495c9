//! A Pingora proxy that does nothing but forward: what the gateway would cost if it were nothing
//! more. Like the gateway it has one thread, no modules, and a peer that is made once.

use std::net::SocketAddr;

use async_trait::async_trait;
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

/// Serves until it is killed. Arguments: where to listen, and the upstream.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) -> ! {
    let listen = arguments.next().expect("where to listen");
    let upstream = arguments.next().and_then(|address| address.parse::<SocketAddr>().ok());
    let peer = HttpPeer::new(upstream.expect("an upstream"), false, String::new());
    let conf = ServerConf { threads: 1, upstream_keepalive_pool_size: 512, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, Bare(peer));
    service.add_tcp(&listen);
    server.add_service(service);
    server.run_forever()
}
