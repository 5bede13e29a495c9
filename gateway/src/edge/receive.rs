//! A request, from its head to an answer of ours, or to its way to an upstream.

use super::client::Client;
use super::decide::Next;
use super::exchange::{Exchange, Progress};
use super::{Gateway, explain, respond};
use crate::problem::{Code, Problem};

impl Gateway {
    /// Whether it was answered: then nothing of it goes on.
    pub(super) async fn receive(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
    ) -> pingora::Result<bool> {
        let refused = match self.decide(client, exchange).await {
            Ok(Next::Forward) => return Ok(false),
            Ok(Next::Answer(answer)) => {
                exchange.progress = Progress::Answered;
                respond::write(client, exchange, answer).await?;
                return Ok(true);
            }
            // In a box: what is forwarded keeps no room for it.
            Ok(Next::Own(target)) => match Box::pin(self.serve_own(client, exchange, &target)).await {
                Ok(response) => {
                    respond::serve(client, exchange, response).await?;
                    return Ok(true);
                }
                Err(problem) => {
                    exchange.progress = Progress::Served(Some(problem.code()));
                    problem
                }
            },
            Err(problem) => {
                exchange.progress = Progress::Refused(problem.code());
                problem
            }
        };
        self.refuse(client, exchange, &refused).await?;
        Ok(true)
    }

    async fn refuse(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
        refused: &Problem,
    ) -> pingora::Result<()> {
        explain::overrule(&mut exchange.explanation, refused.code());
        exchange.why = refused.why().cloned().map(Box::new);
        if refused.code() == Code::MalformedRequest || refused.code() == Code::HeadersTooLarge {
            // Who sends what can be read in two ways gets one answer, and no second request.
            client.close_after_answer();
        }
        respond::refuse(client, exchange, refused).await
    }
}
