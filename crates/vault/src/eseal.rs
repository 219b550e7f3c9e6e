//! 电子签章: the centre's electronic seal on papers, a signature that readers of PDF check by themselves (RFC 5652 with the attributes of
//! ETSI EN 319 142-1, PAdES baseline B-B).
//!
//! ECDSA over P-256 with SHA-256, since that is what such readers know; SM2, which they do not, signs the log and what goes to sources.
//! Invariant: the same content gets the same signature (RFC 6979), so that a paper that is fetched again has the bytes it had before.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use sha2::{Digest as _, Sha256};
use x509_cert::attr::Attribute;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{
    Any, GeneralizedTime, ObjectIdentifier, OctetString, OctetStringRef, SetOfVec,
};
use x509_cert::der::{self, Encode as _, EncodePem as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::request::RequestBuilder;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, der::pem::LineEnding};

use crate::{VaultError, key, random};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// RFC 5035: which certificate signs, so that no other can be put in its place.
const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// RFC 9336: this key signs documents.
const DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

const KEY_FILE: &str = "eseal-p256.key";
const CERTIFICATE_FILE: &str = "eseal.pem";

/// Bytes of a signature beside its certificates: about 400, and the issuer's name once more.
const AROUND: usize = 2_048;

/// Ten years: as long as a paper of today may have to be shown.
const VALID_FOR: Duration = Duration::from_secs(3652 * 86_400);
const A_DAY: Duration = Duration::from_secs(86_400);

/// The key of the seal and the certificate that says whose it is.
pub struct ESeal {
    key: SigningKey,
    /// The seal's certificate first, then those above it.
    chain: Vec<Certificate>,
}

impl ESeal {
    /// Opens the seal of a folder; makes its key, and a certificate signed by that key itself, where there is none. A centre puts the
    /// certificates that an authority gives it for the key into `eseal.pem`, its own first.
    ///
    /// `now` is the time since 1970; a certificate that is made here counts from the day before.
    ///
    /// # Errors
    /// The folder cannot be written; a file is damaged; the certificate is another key's.
    pub fn create(
        folder: impl AsRef<Path>,
        centre: &str,
        now: Duration,
    ) -> Result<Self, VaultError> {
        let folder = folder.as_ref();
        key::make_folder(folder)?;
        let path = folder.join(KEY_FILE);
        key::create(&path, scalar)?;
        let secret = key::read(&path)?;
        let key =
            SigningKey::from_bytes(&secret.into()).map_err(|_| VaultError::Format(path.clone()))?;

        let path = folder.join(CERTIFICATE_FILE);
        let fault = |why: String| VaultError::Certificate {
            path: path.clone(),
            why,
        };
        let file = |source| VaultError::File {
            path: path.clone(),
            source,
        };
        if !path.exists() {
            let made = certificate(&key, centre, now).map_err(|error| fault(error.to_string()))?;
            let text = made
                .to_pem(LineEnding::LF)
                .map_err(|error| fault(error.to_string()))?;
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut new) => new.write_all(text.as_bytes()).map_err(file)?,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(file(error)),
            }
        }
        let text = std::fs::read(&path).map_err(file)?;
        let chain = Certificate::load_pem_chain(&text).map_err(|error| fault(error.to_string()))?;
        let own = SubjectPublicKeyInfoOwned::from_key(key.verifying_key())
            .map_err(|error| fault(error.to_string()))?;
        match chain.first() {
            None => Err(fault("no certificate".to_owned())),
            Some(first) if *first.tbs_certificate().subject_public_key_info() != own => {
                Err(fault("another key's".to_owned()))
            }
            Some(_) => Ok(Self { key, chain }),
        }
    }

    /// The certificates as PEM, for whoever wants to trust them.
    #[must_use]
    pub fn certificates(&self) -> String {
        self.chain
            .iter()
            .filter_map(|one| one.to_pem(LineEnding::LF).ok())
            .collect()
    }

    /// Bytes that no signature of this seal exceeds: its certificates, and what stands around them.
    ///
    /// # Errors
    /// None that a caller can cause; the encoder's.
    pub fn longest(&self) -> Result<usize, der::Error> {
        self.chain.iter().try_fold(AROUND, |sum, one| {
            Ok(sum + usize::try_from(one.encoded_len()?)?)
        })
    }

    /// What an authority needs to certify the key: a request (RFC 2986) for the name of its certificate, as PEM.
    ///
    /// # Errors
    /// None that a caller can cause; the encoder's.
    pub fn request(&self) -> x509_cert::builder::Result<String> {
        let name = self.chain[0].tbs_certificate().subject().clone();
        let request = RequestBuilder::new(name)?.build::<_, DerSignature>(&self.key)?;
        Ok(request.to_pem(LineEnding::LF)?)
    }

    /// The detached signature of a content in parts: DER of a CMS `ContentInfo`.
    ///
    /// # Errors
    /// None that a caller can cause; the encoder's.
    pub fn sign(&self, parts: &[&[u8]]) -> Result<Vec<u8>, der::Error> {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
        }
        let own = &self.chain[0];
        let attributes = SetOfVec::try_from(vec![
            attribute(CONTENT_TYPE, Any::encode_from(&DATA)?)?,
            attribute(
                MESSAGE_DIGEST,
                Any::encode_from(&OctetStringRef::new(&digest.finalize())?)?,
            )?,
            attribute(SIGNING_CERTIFICATE, signing_certificate(own)?)?,
        ])?;
        let signature: DerSignature = self.key.sign(&attributes.to_der()?);
        let digest_alg = AlgorithmIdentifierOwned {
            oid: SHA_256,
            parameters: None,
        };
        let tbs = own.tbs_certificate();
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer().clone(),
                serial_number: tbs.serial_number().clone(),
            }),
            digest_alg: digest_alg.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm: AlgorithmIdentifierOwned {
                oid: ECDSA_SHA_256,
                parameters: None,
            },
            signature: OctetString::new(signature.as_bytes())?,
            unsigned_attrs: None,
        };
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![digest_alg])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: DATA,
                econtent: None,
            },
            certificates: Some(CertificateSet::try_from(
                self.chain
                    .iter()
                    .cloned()
                    .map(CertificateChoices::Certificate)
                    .collect::<Vec<_>>(),
            )?),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![signer])?,
        };
        ContentInfo {
            content_type: SIGNED_DATA,
            content: Any::encode_from(&signed)?,
        }
        .to_der()
    }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value])?,
    })
}

/// `SigningCertificateV2` of RFC 5035 with the default digest: `SEQUENCE { SEQUENCE OF SEQUENCE { certHash OCTET STRING } }`.
fn signing_certificate(own: &Certificate) -> Result<Any, der::Error> {
    let hash = Sha256::digest(own.to_der()?);
    let id = vec![OctetString::new(&hash[..])?];
    Any::encode_from(&vec![vec![id]])
}

/// A certificate of the key by the key itself.
fn certificate(
    key: &SigningKey,
    centre: &str,
    now: Duration,
) -> x509_cert::builder::Result<Certificate> {
    let validity = Validity::new(
        time(now.saturating_sub(A_DAY))?,
        time(now.saturating_add(VALID_FOR))?,
    );
    let mut serial = random::<16>();
    serial[0] = serial[0] & 0x3f | 0x40; // positive, and as long as it looks
    let name = Name::from_str(&format!("CN={centre}电子签章,O={centre},C=CN"))?;
    let public = SubjectPublicKeyInfoOwned::from_key(key.verifying_key())?;
    let builder =
        CertificateBuilder::new(OfSeal(name), SerialNumber::new(&serial)?, validity, public)?;
    builder.build::<_, DerSignature>(key)
}

fn time(since_1970: Duration) -> Result<Time, der::Error> {
    Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(
        since_1970,
    )?))
}

/// What the certificate of a seal may be used for.
struct OfSeal(Name);

impl BuilderProfile for OfSeal {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let subject = tbs.subject();
        let uses = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
        let no_authority = BasicConstraints {
            ca: false,
            path_len_constraint: None,
        };
        Ok(vec![
            no_authority.to_extension(subject, &[])?,
            KeyUsage(uses).to_extension(subject, &[])?,
            ExtendedKeyUsage(vec![DOCUMENT_SIGNING]).to_extension(subject, &[])?,
        ])
    }
}

/// A secret scalar: random bytes below the order of the curve.
fn scalar() -> [u8; 32] {
    loop {
        let bytes = random();
        if SigningKey::from_bytes(&bytes.into()).is_ok() {
            return bytes;
        }
    }
}
