//! One connection: how it is opened, and how a command is asked on it with a bound on the wait.

use std::future::Future;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisResult};

use super::complaint::{code, explain};
use super::settings::Target;
use gateway_store::Unreachable;

/// Name resolution, TCP, TLS and log-in together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Requests that wait for their turn on the connection. Further ones wait outside, and each of
/// them only as long as its own time-out.
const QUEUE_REQUESTS_MAX: usize = 1_024;

/// The driver's own `ConnectionManager` is not used. It gives up for good after a refused
/// password, even if that is corrected later; it lets each request wait for the reconnection;
/// and it keeps a connection on which nothing is ever answered.
pub(super) async fn open(target: &Target) -> Result<MultiplexedConnection, Unreachable> {
    // Each caller brings a time-out of its own; a second timer for each request would only cost.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE_REQUESTS_MAX);
    let connecting = target.client.get_multiplexed_async_connection_with_config(&config);
    within(CONNECT_TIMEOUT, target, connecting).await
}

/// Asks one command. The command may have been carried out although the answer is an error:
/// whatever is asked twice must come to the same.
pub(super) async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    target: &Target,
    patience: Duration,
    command: &Cmd,
) -> Result<T, Unreachable> {
    within(patience, target, command.query_async(connection)).await
}

/// Why Redis does not do what it was asked, on a connection that is good.
pub(super) struct Refused {
    /// `OOM`, `NOPERM` and the like.
    pub(super) code: String,
    pub(super) reason: Unreachable,
}

/// The same where a refusal is an answer like any other.
pub(super) async fn try_ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    target: &Target,
    patience: Duration,
    command: &Cmd,
) -> Result<Result<T, Refused>, Unreachable> {
    let explain = |error: &redis::RedisError| explain(error, target.password.as_ref());
    match tokio::time::timeout(patience, command.query_async(connection)).await {
        Ok(Ok(answer)) => Ok(Ok(answer)),
        Ok(Err(error)) => match code(&error).map(str::to_owned) {
            Some(code) => Ok(Err(Refused { code, reason: explain(&error) })),
            None => Err(explain(&error)),
        },
        Err(_) => Err(silent(patience)),
    }
}

async fn within<T>(
    patience: Duration,
    target: &Target,
    asked: impl Future<Output = RedisResult<T>>,
) -> Result<T, Unreachable> {
    match tokio::time::timeout(patience, asked).await {
        Ok(answer) => answer.map_err(|error| explain(&error, target.password.as_ref())),
        Err(_) => Err(silent(patience)),
    }
}

pub(super) fn silent(patience: Duration) -> Unreachable {
    Unreachable(format!("Redis did not answer within {} ms", patience.as_millis()))
}
