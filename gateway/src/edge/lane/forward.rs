//! A request that was admitted, to its service, and the answer back.

use std::future::poll_fn;
use std::sync::Arc;

use http::Version;
use http::header::{HeaderValue, TRANSFER_ENCODING};
use pingora::{Error, ErrorType};

use super::answer::Service;
use super::client::LaneClient;
use super::overlay::Overlay;
use super::sent::AsSent;
use crate::edge::client::Client as _;
use crate::edge::exchange::Exchange;
use crate::edge::view::AnswerView;
use crate::edge::{Gateway, fault, forward, hand_back};
use crate::framing::{Body, Length};
use crate::http1::Answer;
use crate::pipeline::Headers as _;

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
        let mut head = Overlay::over(request.headers);
        // Before ours are set: a client must not take those off.
        if client.speaks_of_connection() {
            head.take_off_the_connection(request.headers);
        }
        let length = client.length();
        let way = (Version::HTTP_11, !matches!(length, Length::None | Length::Bytes(0)));
        self.tell_upstream(request, way, exchange, &mut head)?;
        let target = forward::admitted(exchange)?.upstream_target();
        // No target has one. It would be the end of the line, and what follows another head.
        if target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(Error::explain(ErrorType::InternalError, "the target cannot be written"));
        }
        let mut sent = AsSent::new(request.method, &target, &mut head, length);
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
        exchange.leg_mut().into_iter().for_each(|leg| leg.connected(false));
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
        let mut answer = self.head(service, client, exchange).await?;
        service.begins();
        let mut body = Body::new(answer.length);
        self.hand_on(client, &mut answer, exchange).await?;
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
            let mut answer = poll_fn(|context| service.poll_head(context, client, exchange)).await?;
            hand_back::receive(client.request(), answer.status, &mut answer.fields, exchange)?;
            if !answer.status.is_informational() {
                return Ok(answer);
            }
            hand_back::undress(&mut answer.fields, exchange);
            client.put_interim(answer.status, answer.phrase.as_deref(), &answer.fields);
            client.flush().await?;
        }
    }

    /// What is to be said of it and with it, and then it goes out, with the beginning of its content.
    async fn hand_on(
        &self,
        client: &mut LaneClient<'_>,
        answer: &mut Answer,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        if answer.length == Length::UntilClose {
            // So that the client's connection can live on.
            answer.fields.set(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let status = answer.status;
        self.begin_answer(client, AnswerView::of(status, &answer.fields), exchange).await?;
        hand_back::dress(&mut answer.fields, status, client.request(), exchange);
        client.put_head(status, answer.phrase.as_deref(), answer.fields.iter());
        Ok(())
    }
}
