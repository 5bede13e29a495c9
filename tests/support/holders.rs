//! Certificates of clients: made for somebody, and revoked.

use std::path::PathBuf;
use std::time::Duration;

use rcgen::{
    CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, KeyIdMethod,
    RevokedCertParams, SanType, date_time_ymd,
};

use super::authority::{Authority, Certified};
use super::forge;

impl Authority {
    /// For whom this URI names.
    pub fn holder(&self, uri: &str) -> Certified {
        self.holder_with(uri, |_| ())
    }

    /// The same, and something else of it.
    pub fn holder_with(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Certified {
        let file = uri.replace(['/', ':'], "-");
        self.certify_with(&file, &[], |params| {
            params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            change(params);
        })
    }

    /// One that ends so many seconds from now.
    pub fn holder_for(&self, uri: &str, seconds: u64) -> Certified {
        let end = date_time_ymd(1970, 1, 1) + since_1970(seconds);
        self.holder_with(uri, |params| params.not_after = end)
    }

    /// Its list of these, in force for so many seconds.
    pub fn revokes_for(&self, seconds: u64, these: &[&Certified]) -> PathBuf {
        let path = self.folder.path().join("revoked.crl");
        std::fs::write(&path, self.list(1, seconds, these)).unwrap();
        path
    }

    /// The same with this number, in PEM.
    pub fn list(&self, number: u64, seconds: u64, these: &[&Certified]) -> String {
        let revoked = these.iter().map(|one| RevokedCertParams {
            serial_number: one.serial.into(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(1970, 1, 1) + since_1970(seconds),
            crl_number: number.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    pub fn revokes(&self, these: &[&Certified]) -> PathBuf {
        self.revokes_for(86_400, these)
    }

    /// As an issuer of certificates, with these further lines.
    pub fn entry(&self, name: &str, more: &str) -> String {
        format!(
            "[[issuers]]\nname = \"{name}\"\nkind = \"certificate\"\nca_file = \"{}\"\nsubject_claim = \"san_uri\"\n{more}",
            self.file().display()
        )
    }
}

fn since_1970(seconds_from_now: u64) -> Duration {
    Duration::from_secs(forge::now() + seconds_from_now)
}
