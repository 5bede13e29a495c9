//! A request that was admitted, to its service, and the answer back.

use std::future::poll_fn;
use std::sync::Arc;

use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{StatusCode, Version};
use pingora::{Error, ErrorType};

use super::answer::Service;
use super::client::LaneClient;
use super::overlay::Overlay;
use super::sent::AsSent;
use crate::client::Client as _;
use crate::exchange::Exchange;
use crate::view::AnswerView;
use crate::{Gateway, fault, forward, hand_back};
use gateway_framing::{Body, Length};
use gateway_http1::{Answer, is_of_the_connection, request_line, status_line};
use gateway_pipeline::{Headers as _, Value};

/// Connections that are tried for one request, however each of them failed.
const TRIES_MAX: usize = 16;

impl Gateway {
    /// Sends it, and once more where that is safe, until an answer has come and gone on.
    pub(super) async fn send_on(
        &self,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let mut sent = self.as_sent_on(client, exchange)?;
        self.watch_from_the_beginning(client.request(), exchange);
        let mut tried = self.attempt(client, exchange, &mut sent).await;
        for _ in 1..TRIES_MAX {
            match &tried {
                Err(fault) if fault.retry() => tried = self.attempt(client, exchange, &mut sent).await,
                _ => break,
            }
        }
        tried
    }

    /// The request as its service gets it, whichever of its servers is asked: made from nothing but what was
    /// admitted.
    fn as_sent_on(&self, client: &mut LaneClient<'_>, exchange: &Exchange) -> pingora::Result<AsSent> {
        let request = client.request();
        let target = forward::admitted(exchange)?.upstream_target();
        // No target has one. It would be the end of the line, and what follows another head.
        if target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(Error::explain(ErrorType::InternalError, "the target cannot be written"));
        }
        let line = request_line(request.method, &target);
        let fields = request.headers.iter().map(|(name, value)| (name.as_str(), value));
        // Before ours are set: a client must not take those off.
        let mut head = if client.speaks_of_connection() {
            let said = request.headers.get(&CONNECTION);
            Overlay::over(line, fields.filter(|(name, _)| !is_of_the_connection(name, said)))
        } else {
            Overlay::over(line, fields)
        };
        let length = client.length();
        let way = (Version::HTTP_11, !matches!(length, Length::None | Length::Bytes(0)));
        self.tell_upstream(request, way, exchange, &mut head)?;
        let mut sent = AsSent::new(request.method, head, length);
        // With the head: most content is short.
        client.take_content(|piece| sent.put(piece))?;
        if client.is_content_read() {
            sent.put_end();
        }
        Ok(sent)
    }

    async fn attempt(
        &self,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
        sent: &mut AsSent,
    ) -> pingora::Result<()> {
        if !sent.begin_again() {
            return Err(Error::explain(ErrorType::InternalError, "the request is not at hand any more"));
        }
        client.may_repeat(sent.is_kept());
        let route = Arc::clone(forward::admitted(exchange)?.route());
        let pace = if sent.is_whole() { None } else { self.watch_body(client, exchange)? };
        let dial = forward::next_dial(exchange, client.request().method, pace)?;
        let framed = match dial.open().await {
            Ok(framed) => framed,
            Err(fault) => {
                let fault = fault.into_up().more_context(format!("Peer: {dial:?}"));
                return Err(fault::after_connecting(exchange, fault));
            }
        };
        exchange
            .upstream_request_mut()
            .into_iter()
            .for_each(|upstream_request| upstream_request.connected(false));
        let write_max = route.write_timeout.or(dial.write_timeout());
        let silence_max = route.read_timeout.or(dial.read_timeout());
        let (came, is_whole) = (sent.content_bytes(), sent.is_whole());
        let mut service = Service::new(framed, sent, write_max, silence_max);
        let sent = match forward::send(exchange, came, is_whole) {
            Ok(()) => self.over(&mut service, client, exchange).await,
            Err(fault) => Err(fault),
        };
        sent.map_err(|fault| {
            let fault = fault.more_context(format!("Peer: {dial:?}"));
            fault::on_the_way(client, exchange, fault, false)
        })
    }

    /// Over one connection.
    async fn over(
        &self,
        service: &mut Service<'_>,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let answer = self.head(service, client, exchange).await?;
        let head = receive(client, &answer, exchange)?;
        service.begins();
        let mut body = Body::new(answer.length);
        self.hand_on(client, answer.status, head, exchange).await?;
        if exchange.is_stream() {
            // Both may talk for as long as they like.
            client.await_patiently();
        }
        poll_fn(|context| service.poll_content(context, client, exchange, &mut body)).await?;
        if service.is_upload_over() {
            // Before its client has the answer, and asks again.
            service.leave(answer.keeps_connection);
            return client.flush().await;
        }
        client.flush().await?;
        if client.holds_back() {
            return Ok(());
        }
        poll_fn(|context| service.poll_rest(context, client, exchange)).await
    }

    /// The head of the answer. Interim ones pass, without what is not for clients.
    async fn head(
        &self,
        service: &mut Service<'_>,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> pingora::Result<Answer> {
        loop {
            let answer = poll_fn(|context| service.poll_head(context, client, exchange)).await?;
            if !answer.status.is_informational() {
                return Ok(answer);
            }
            let mut head = receive(client, &answer, exchange)?;
            hand_back::undress(&mut head, exchange);
            client.put_interim(answer.status, head);
            client.flush().await?;
        }
    }

    /// What is to be said of it and with it, and then it goes out, with the beginning of its content.
    async fn hand_on(
        &self,
        client: &mut LaneClient<'_>,
        status: StatusCode,
        mut head: Overlay<'_>,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        self.begin_answer(client, AnswerView::new(status, &head), exchange).await?;
        hand_back::apply_response_rules(&mut head, status, client.request(), exchange);
        client.put_head(status, head);
        Ok(())
    }
}

/// A head that has come, with what goes on of it.
fn receive<'a>(
    client: &LaneClient<'_>,
    answer: &'a Answer,
    exchange: &mut Exchange,
) -> pingora::Result<Overlay<'a>> {
    let line = status_line(answer.status, answer.phrase.as_deref());
    let mut head = Overlay::over(line, answer.fields.iter());
    hand_back::receive(client.request(), answer.status, &mut head, exchange)?;
    if answer.length == Length::UntilClose {
        // So that the client's connection can live on.
        head.set(&TRANSFER_ENCODING, Value::Static("chunked"));
    }
    Ok(head)
}
