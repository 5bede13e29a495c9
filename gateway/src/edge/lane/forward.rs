//! A request that was admitted, to its service, and the answer back.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Version};
use pingora::{Error, ErrorType};
use token_source::Outgoing as _;

use super::answer::Service;
use super::client::LaneClient;
use super::overlay::Overlay;
use crate::edge::client::Client as _;
use crate::edge::exchange::Exchange;
use crate::edge::view::AnswerView;
use crate::edge::{Gateway, fault, forward, hand_back};
use crate::framing::{Body, Length};
use crate::http1::{Answer, write_request};
use crate::pipeline::Headers as _;

/// Room for most heads.
const HEAD_BYTES_USUAL: usize = 1_024;
/// Connections that are tried for one request, however each of them failed.
const TRIES_MAX: usize = 16;

/// A request as its service gets it.
pub(super) struct AsSent {
    pub(super) bytes: BytesMut,
    pub(super) head_bytes: usize,
    pub(super) is_head: bool,
    /// What its head says of its length is what it has.
    pub(super) is_measured: bool,
    /// The service is told that nothing follows.
    pub(super) closes: bool,
}

impl Gateway {
    /// Sends it, and once more where that is safe, until an answer has come and gone on.
    pub(super) async fn send_on(
        &self,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let sent = self.as_sent_on(client, exchange)?;
        self.watch_from_the_beginning(client.request(), exchange);
        let mut tried = self.attempt(client, exchange, &sent).await;
        for _ in 1..TRIES_MAX {
            match &tried {
                Err(fault) if fault.retry() => tried = self.attempt(client, exchange, &sent).await,
                _ => break,
            }
        }
        tried
    }

    /// The request as its service gets it, whichever of its servers is asked: made from nothing but what was
    /// admitted.
    fn as_sent_on(&self, client: &mut LaneClient<'_>, exchange: &Exchange) -> pingora::Result<AsSent> {
        let content = client.content();
        let request = client.request();
        let mut head = Overlay::over(request.headers);
        // Before ours are set: a client must not take those off.
        if client.speaks_of_connection() {
            head.take_off_the_connection(request.headers);
        }
        let way = (Version::HTTP_11, !content.is_empty());
        self.tell_upstream(request, way, exchange, &mut head)?;
        let target = forward::admitted(exchange)?.upstream_target();
        // No target has one. It would be the end of the line, and what follows another head.
        if target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(Error::explain(ErrorType::InternalError, "the target cannot be written"));
        }
        let mut bytes = BytesMut::with_capacity(HEAD_BYTES_USUAL + content.len());
        write_request(request.method, &target, head.fields(), &mut bytes);
        let head_bytes = bytes.len();
        bytes.extend_from_slice(content);
        Ok(AsSent {
            bytes,
            head_bytes,
            is_head: request.method == Method::HEAD,
            is_measured: is_measured(&head, content.len()),
            closes: head.has(&CONNECTION),
        })
    }

    async fn attempt(
        &self,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
        sent: &AsSent,
    ) -> pingora::Result<()> {
        let route = Arc::clone(forward::admitted(exchange)?.route());
        let dial = forward::next_dial(exchange, client.request().method)?;
        let framed = match dial.open().await {
            Ok(framed) => framed,
            Err(fault) => return Err(fault::after_connecting(exchange, fault)),
        };
        exchange.leg_mut().into_iter().for_each(|leg| leg.connected(false));
        let silence_max = route.read_timeout.or(dial.read_timeout());
        let service = Service::new(framed, sent, silence_max);
        let write_max = route.write_timeout.or(dial.write_timeout());
        let sent = self.over(service, client, exchange, &sent.bytes, write_max).await;
        sent.map_err(|fault| {
            let fault = fault.more_context(format!("Peer: {dial:?}"));
            fault::on_the_way(client, exchange, fault, false)
        })
    }

    /// Over one connection.
    async fn over(
        &self,
        mut service: Service,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
        mut sent: &[u8],
        write_max: Option<Duration>,
    ) -> pingora::Result<()> {
        let patience = &mut client.waits.service;
        poll_fn(|context| service.poll_send(context, &mut sent, (&mut *patience, write_max))).await?;
        forward::send(exchange, client.content().len() as u64, true)?;
        let mut answer = self.head(&mut service, client, exchange).await?;
        let mut body = Body::new(answer.length);
        self.hand_on(client, &mut answer, exchange).await?;
        poll_fn(|context| service.poll_content(context, client, &mut body)).await?;
        // Before its client has the answer, and asks again.
        service.leave(answer.keeps_connection);
        client.flush().await
    }

    /// The head of the answer. Interim ones pass, without what is not for clients.
    async fn head(
        &self,
        service: &mut Service,
        client: &mut LaneClient<'_>,
        exchange: &mut Exchange,
    ) -> pingora::Result<Answer> {
        loop {
            let mut answer = poll_fn(|context| service.poll_head(context, client)).await?;
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

/// Whether the head says what length the content has, and nothing of another end.
fn is_measured(head: &Overlay<'_>, content: usize) -> bool {
    let mut lengths = head.values(&CONTENT_LENGTH);
    let said = lengths.next().map_or(Some(0), |length| length.to_str().ok()?.parse().ok());
    let is_said_once = said == Some(content) && lengths.next().is_none();
    is_said_once && !head.has(&TRANSFER_ENCODING) && !head.has(&UPGRADE)
}
