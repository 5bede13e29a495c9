//! A request, from its head to an answer of ours, or to its way to an upstream.

use super::client::Client;
use super::decide::{Next, Rejected};
use super::exchange::{Exchange, Reason, State};
use super::{Gateway, explain, respond};
use gateway_problem::{Code, Problem};

impl Gateway {
    /// Whether it was answered: then nothing of it goes on.
    pub(super) async fn receive(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
    ) -> pingora::Result<bool> {
        let next = self.decide(client, exchange).await;
        self.carry_out(client, exchange, next).await
    }

    /// Apart from the decision, so that the two share their room.
    async fn carry_out(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
        next: Result<Next, Rejected>,
    ) -> pingora::Result<bool> {
        let refused = match next {
            Ok(Next::Forward) => return Ok(false),
            Ok(Next::Answer(answer, route)) => {
                exchange.state = State::Answered(route);
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
                    exchange.state = State::Served(Some(Reason::from(&problem)));
                    problem
                }
            },
            Err(Rejected { problem, route }) => {
                exchange.state = State::Refused(Reason::from(&problem), route);
                problem
            }
        };
        self.refuse(client, exchange, &refused).await.map(|()| true)
    }

    async fn refuse(
        &self,
        client: &mut impl Client,
        exchange: &mut Exchange,
        refused: &Problem,
    ) -> pingora::Result<()> {
        explain::overrule(&mut exchange.decision.explanation, refused.code());
        if refused.code() == Code::MalformedRequest || refused.code() == Code::HeadersTooLarge {
            // A request that can be read in two ways gets one answer, and no second request follows.
            client.close_after_answer();
        }
        respond::refuse(client, exchange, refused).await
    }
}
