//! The way from the certificate of a client to an authority: signed all along, for clients, in time, and
//! on no list.

use std::cell::Cell;

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::certificate::CertificateFault;
use super::lists::{Listed, RevocationLists};
use super::signed::algorithms;
use super::x509::end;
use gateway_clock::Timestamp;

/// A way that was proved.
pub struct Way {
    /// When the first certificate on it is over.
    pub until: Timestamp,
    /// When the first list that was asked is over; `None` where none was.
    pub lists_end: Option<Timestamp>,
}

impl Way {
    /// `others` is what a client showed beside its own certificate.
    ///
    /// # Errors
    ///
    /// Why there is none. Of several ways, each of which lists forbid, the last one says it.
    pub fn prove(
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
        (lists, asked): (&RevocationLists, Listed),
        at: UnixTime,
    ) -> Result<Self, CertificateFault> {
        let own = EndEntityCert::try_from(own)?;
        let judged = Cell::new(Err(CertificateFault::Unknown));
        // Which keys are on a way is known by now, and by them which lists are about it.
        let judge = |way: &VerifiedPath<'_>| {
            judged.set(lists.judge(way, asked, at));
            judged.get().map(|_| ()).map_err(|_| webpki::Error::CertRevoked)
        };
        let usage = KeyUsage::client_auth();
        match own.verify_for_usage(algorithms(), anchors, others, at, usage, None, Some(&judge)) {
            Ok(way) => {
                let until = first_end(&way).ok_or(CertificateFault::Unknown)?;
                Ok(Self { until, lists_end: judged.get()?.map(Timestamp::from_seconds) })
            }
            Err(fault) => match judged.get() {
                Ok(_) | Err(CertificateFault::Unknown) => Err(fault.into()),
                Err(fault) => Err(fault),
            },
        }
    }
}

fn first_end(way: &VerifiedPath<'_>) -> Option<Timestamp> {
    let mut first = end(&way.end_entity().der())?;
    for one in way.intermediate_certificates() {
        first = first.min(end(&one.der())?);
    }
    Some(Timestamp::from_seconds(first))
}
