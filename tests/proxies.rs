//! Other people's proxies that ask `/api/auth/verify`: the real programs, with the configurations
//! of docs/proxies, and what a client can and cannot do through them.

mod checks;
mod front;
mod statements;
mod unsent;

use front::Kind;

/// Runs each statement before each proxy.
macro_rules! behind_each_proxy {
    ($($statement:ident),+ $(,)?) => {
        behind_each_proxy!(@proxy nginx Nginx $($statement),+);
        behind_each_proxy!(@proxy haproxy Haproxy $($statement),+);
        behind_each_proxy!(@proxy caddy Caddy $($statement),+);
        behind_each_proxy!(@proxy traefik Traefik $($statement),+);
        behind_each_proxy!(@proxy envoy Envoy $($statement),+);
    };
    (@proxy $name:ident $kind:ident $($statement:ident),+) => {
        mod $name {
            $(#[test]
            fn $statement() {
                super::statements::$statement(super::Kind::$kind);
            })+
        }
    };
}

behind_each_proxy!(
    the_gateway_decides_and_the_service_learns_who_it_is,
    a_client_cannot_say_who_it_is,
    a_client_cannot_choose_what_is_decided_on,
    a_logout_and_a_limit_count_at_once,
    without_the_gateway_nobody_passes,
    prove_upstream_finds_nothing_of_ours,
);
